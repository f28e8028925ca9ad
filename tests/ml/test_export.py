import numpy as np
import pytest

from ml import architectures, export
from ml.bundle import BundleError
from ml.datasets import load_mnist
from tests.ml.tiny import tiny_version

DIGITS = load_mnist().gate.images[:50]


@pytest.mark.parametrize("name", ["dnn-128-64", "inkling-cnn", "inkling-dnn"])
def test_litert_answers_as_keras_does(name: str) -> None:
    model = architectures.build(name, outputs=11)
    assert export.largest_difference(model, export.to_tflite(model), DIGITS) < 1e-4


def test_an_export_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, other = (architectures.build("dnn-128-64") for _ in range(2))
    broken = export.to_tflite(other)
    monkeypatch.setattr(export, "to_tflite", lambda _: broken)
    with pytest.raises(export.ExportError, match="differ from Keras"):
        export.checked_tflite(model, DIGITS)


def test_keras_bytes_go_round_without_loss() -> None:
    model = architectures.build("cnn-32-64")
    again = export.from_keras(export.to_keras(model))
    assert export.weights_sha256(again) == export.weights_sha256(model)


def test_the_optimizer_is_not_saved() -> None:
    model = architectures.build("dnn-128-64")
    before = len(export.to_keras(model))
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 28, 28)), np.zeros((2, 10)), verbose=0)
    assert len(export.to_keras(model)) < 1.1 * before


def test_other_weights_have_another_identity() -> None:
    first, second = (architectures.build("dnn-128-64") for _ in range(2))
    assert export.weights_sha256(first) != export.weights_sha256(second)


def test_bytes_that_are_no_keras_file_are_refused() -> None:
    with pytest.raises(BundleError, match="cannot load"):
        export.from_keras(b"not a model")


def test_a_version_reads_alike_in_both_of_its_files() -> None:
    bundle = tiny_version()
    model = export.from_keras(bundle.keras)
    assert export.largest_difference(model, bundle.tflite, DIGITS) < 1e-4
    assert np.isfinite(np.asarray(model(DIGITS / np.float32(255)))).all()
