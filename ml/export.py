"""Keras models to bytes and back: `.keras` to go on learning, LiteRT to read with, more for others.

Every form takes float32 (n, 28, 28) in 0..1 and answers with logits, (n, 10) or (n, 11), any n.
"""

import hashlib
import importlib.util
import io
import logging
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ml.bundle import FORMATS, KERAS_FILE, Bundle, BundleError, Format
from ml.datasets import load_mnist
from ml.preprocessing import SIDE, Ink
from ml.quiet import silent_stderr
from ml.runtime import to_input

log = logging.getLogger(__name__)

CHECKED_DIGITS = 1_000
"""So many digits are answered by Keras and by another form before that form is handed out."""

MAX_DIFFERENCE = 1e-3
"""Logits of two forms may differ by float rounding, some 1e-5; more is a broken export."""

MAX_INT8_DIFFERENCE = 0.2
"""As a part of the range of all logits. Eight bits move logits by 1 to 3 % of it; what lies far
outside of what the converter saw is cut off, by 12 % in a network that learned for seconds."""

REPRESENTATIVE_DIGITS = 2_000
"""Training digits from which the converter learns the range of each layer's values. With 200, what
is cut off moved logits of the dnn by 0.54, with 2,000 by 0.15."""

ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")

Logits = npt.NDArray[np.float32]


class ExportError(RuntimeError):
    """An exported model does not answer as the Keras model does, or cannot be made here."""


def to_keras(model: keras.Model) -> bytes:
    """Return the `.keras` file of a model without its optimizer's state: a third of the size."""
    bare = type(model).from_config(model.get_config())  # A clone would be compiled again.
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / KERAS_FILE
        bare.save(file)
        return file.read_bytes()


def from_keras(content: bytes) -> keras.Model:
    """Load a `.keras` file in safe mode: it may hold layers and weights, never code.

    Raises:
        BundleError: the bytes are no such file.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / KERAS_FILE
        file.write_bytes(content)
        try:
            return keras.saving.load_model(file, compile=False, safe_mode=True)
        except (ValueError, TypeError, OSError, KeyError) as error:
            raise BundleError(f"Keras cannot load {KERAS_FILE}: {error}.") from error


def to_tflite(model: keras.Model) -> bytes:
    """Return the model for LiteRT, float32 throughout."""
    with tempfile.TemporaryDirectory() as folder, silent_stderr():
        _save(model, Path(folder))
        return bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())


def to_int8(model: keras.Model, digits: Ink) -> bytes:
    """Return the model for LiteRT that computes in int8 throughout; logits are float32 still.

    Args:
        model: what to convert.
        digits: uint8 (n, 28, 28), to learn the range of each layer's values from.
    """
    pictures = to_input(digits)

    def representative() -> Iterator[list[npt.NDArray[np.float32]]]:
        yield from ([picture[None]] for picture in pictures)

    with tempfile.TemporaryDirectory() as folder, silent_stderr():
        _save(model, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        return bytes(converter.convert())


def to_saved_model(model: keras.Model) -> bytes:
    """Return TensorFlow's SavedModel as a ZIP; it answers by its signature `serving_default`."""
    archive = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, silent_stderr():
        folder = Path(name)
        _save(model, folder)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for file in sorted(folder.rglob("*")):
                zipped.write(file, file.relative_to(folder))
    return archive.getvalue()


def _save(model: keras.Model, folder: Path) -> None:
    """Write a SavedModel of nothing but weights and answer: half of what `model.export` writes."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.answer = tf.function(
        lambda picture: model(picture, training=False),
        input_signature=[tf.TensorSpec((None, SIDE, SIDE), tf.float32, "picture")],
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.answer})


def to_onnx(model: keras.Model) -> bytes:
    """Return the model as ONNX.

    Raises:
        ExportError: the packages that this takes are not installed.
    """
    if missing := missing_packages():
        raise ExportError(
            f"ONNX takes packages that are not installed here ({', '.join(missing)}). "
            "Install them: .venv/bin/pip install -r requirements-export.txt."
        )
    model(np.zeros((1, SIDE, SIDE), np.float32))  # Keras exports what was called at least once.
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), silent_stderr():
        warnings.simplefilter("ignore", FutureWarning)  # Keras asks numpy for `object`.
        file = Path(folder) / FORMATS["onnx"]
        model.export(file, format="onnx", verbose=False)
        return file.read_bytes()


def missing_packages() -> list[str]:
    """Return what ONNX takes and is not installed here."""
    return [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]


def converted(model: keras.Model, form: Format) -> bytes:
    """Return a model in one of the forms.

    Raises:
        ExportError: this takes packages that are not installed.
    """
    if form == "int8":
        return to_int8(model, load_mnist().train.images[:REPRESENTATIVE_DIGITS])
    make = {
        "keras": to_keras,
        "litert": to_tflite,
        "onnx": to_onnx,
        "saved-model": to_saved_model,
    }[form]
    return make(model)


def checked(model: keras.Model, form: Format) -> bytes:
    """Return a model in one of the forms once that has answered 1,000 digits as Keras does.

    Raises:
        ExportError: it answers otherwise, or takes packages that are not installed.
    """
    content = converted(model, form)
    check(model, form, content)
    return content


def with_exports(bundle: Bundle) -> Bundle:
    """Return a version together with those forms of it that it lacks and that can be made here.

    One that does not answer as Keras does is left out, and the log says so: nothing here reads
    with it, so it is no reason to throw a trained version away.
    """
    model = from_keras(bundle.keras)
    made = {}
    for form in _lacking(bundle):
        try:
            made[FORMATS[form]] = checked(model, form)
        except ExportError as error:
            log.warning("The version is kept without one of its forms. %s", error)
    return bundle.with_exports(made)


def _lacking(bundle: Bundle) -> list[Format]:
    lacking = [form for form, file in FORMATS.items() if file not in bundle.files]
    return [form for form in lacking if form != "onnx" or not missing_packages()]


def exported(bundle: Bundle, form: Format) -> tuple[bytes, float]:
    """Return a version in one form, and how far its logits are from Keras' at most.

    What was made with the version is taken from it, else it is made now.

    Raises:
        ExportError: it takes packages that are not installed, or answers otherwise than Keras.
    """
    model = from_keras(bundle.keras)
    content = bundle.files.get(FORMATS[form]) or converted(model, form)
    return content, check(model, form, content)


def check(model: keras.Model, form: Format, content: bytes) -> float:
    """Have both answer 1,000 digits and return the largest difference of any logit.

    Raises:
        ExportError: it is more than rounding.
    """
    digits = load_mnist().validation.images[:CHECKED_DIGITS]
    difference = largest_difference(model, content, digits, form)
    allowed = _allowed(model, form, digits)
    if not difference <= allowed:
        raise ExportError(
            f"The logits of {FORMATS[form]} differ from Keras' by {difference:.2g}; "
            f"at most {allowed:.2g} is rounding."
        )
    return difference


def _allowed(model: keras.Model, form: Format, digits: Ink) -> float:
    if form != "int8":
        return MAX_DIFFERENCE
    logits = np.asarray(model(to_input(digits), training=False))
    return MAX_INT8_DIFFERENCE * float(logits.max() - logits.min())


def largest_difference(
    model: keras.Model, content: bytes, digits: Ink, form: Format = "litert"
) -> float:
    """Return the largest difference of any logit, on digits uint8 (n, 28, 28)."""
    pictures = to_input(digits)
    expected = np.asarray(model(pictures, training=False))
    return float(np.abs(expected - answers(form, content, pictures)).max())


def answers(form: Format, content: bytes, pictures: Logits) -> Logits:
    """Return the logits by which a form answers pictures, float32 (n, 28, 28) in 0..1."""
    ask = {
        "keras": _ask_keras,
        "litert": _ask_litert,
        "int8": _ask_litert,
        "onnx": _ask_onnx,
        "saved-model": _ask_saved_model,
    }[form]
    return ask(content, pictures)


def _ask_keras(content: bytes, pictures: Logits) -> Logits:
    return np.asarray(from_keras(content)(pictures, training=False))


def _ask_litert(content: bytes, pictures: Logits) -> Logits:
    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        index = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(index, pictures.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(index, pictures)
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise ExportError(f"LiteRT cannot run what came of it: {error}") from error
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def _ask_onnx(content: bytes, pictures: Logits) -> Logits:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: pictures})[0])


def _ask_saved_model(content: bytes, pictures: Logits) -> Logits:
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(content)) as zipped:
            zipped.extractall(folder)
        (answer,) = (
            tf.saved_model.load(folder).signatures["serving_default"](picture=pictures).values()
        )
    return np.asarray(answer)


def weights_sha256(model: keras.Model) -> str:
    """Return the identity of a model: a hash over the shapes and values of its weights."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
