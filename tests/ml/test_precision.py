import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from ml import architectures, export
from ml.training import precision, train
from ml.training.precision import Precision, computing_in, quickest
from tests.ml.tiny import TINY


@pytest.mark.parametrize(
    "flags, expected",
    [("fpu avx2 avx512_bf16", "bfloat16"), ("fpu amx_bf16", "bfloat16"), ("fpu avx2", "float32")],
)
def test_bfloat16_is_chosen_where_the_processor_multiplies_it(
    flags: str, expected: Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    assert quickest.__wrapped__() == expected


def test_float32_is_chosen_where_nothing_is_known_of_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "missing")
    assert quickest.__wrapped__() == "float32"


def test_weights_and_logits_stay_float32_and_the_precision_ends_with_its_block() -> None:
    with computing_in("bfloat16"):
        model = architectures.build("inkling-cnn", 11)
    assert keras.mixed_precision.dtype_policy().name == "float32"
    convolution = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert convolution.compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert np.asarray(model(np.zeros((1, 28, 28), np.float32))).dtype == np.float32


def test_what_was_trained_in_bfloat16_reads_and_is_kept_in_float32() -> None:
    version = train(dataclasses.replace(TINY, precision="bfloat16"))
    assert version.card.figures["mnist_test"]["accuracy"] > 0.85
    assert version.card.configuration["precision"] == "bfloat16"
    assert {layer.compute_dtype for layer in export.from_keras(version.keras).layers} == {"float32"}
