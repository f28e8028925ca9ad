import io
import zipfile

import numpy as np
import pytest

from ml import architectures, export
from ml.bundle import BundleError, Format
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
    with pytest.raises(export.ExportError, match=r"model\.tflite differ from Keras' by"):
        export.checked(model, "litert")


@pytest.mark.parametrize("form", ["keras", "litert", "int8", "saved-model"])
def test_every_form_answers_as_keras_does(form: Format) -> None:
    version = tiny_version()
    content, difference = export.exported(version, form)
    assert form == "int8" or difference < 1e-4
    assert len(content) < 1.3 * len(version.keras)


def test_int8_takes_about_a_quarter_of_the_space() -> None:
    version = tiny_version()
    assert len(export.exported(version, "int8")[0]) < len(version.tflite) / 3


def test_onnx_answers_as_keras_does_where_its_packages_are_installed() -> None:
    for name in export.ONNX_PACKAGES:
        pytest.importorskip(name)
    _, difference = export.exported(tiny_version(), "onnx")
    assert difference < 1e-4


def test_onnx_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "missing_packages", lambda: ["tf2onnx"])
    with pytest.raises(export.ExportError, match=r"\(tf2onnx\).*requirements-export\.txt"):
        export.exported(tiny_version(), "onnx")


def test_a_version_is_made_with_its_other_forms() -> None:
    whole = export.with_exports(tiny_version())
    assert {"model-int8.tflite", "saved-model.zip"} <= set(whole.exports)
    assert set(whole.card.files) == set(whole.files)
    whole.check()
    assert export.with_exports(whole) == whole


def test_a_form_that_answers_otherwise_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(export, "MAX_INT8_DIFFERENCE", 0.0)
    assert "model-int8.tflite" not in export.with_exports(tiny_version()).exports
    assert "model-int8.tflite differ from Keras" in caplog.text


def test_a_saved_model_is_a_zip_that_tensorflow_reads() -> None:
    model = architectures.build("cnn-32-64")
    archive = zipfile.ZipFile(io.BytesIO(export.to_saved_model(model)))
    assert {"saved_model.pb", "variables/variables.index"} <= set(archive.namelist())


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
