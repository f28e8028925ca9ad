"""Keras models to bytes and back: `.keras` to go on learning, LiteRT to read with."""

import hashlib
import tempfile
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ml.bundle import KERAS_FILE, BundleError
from ml.preprocessing import Ink
from ml.runtime import to_input

MAX_DIFFERENCE = 1e-3
"""Logits of both forms may differ by float rounding, some 1e-5; more is a broken export."""


class ExportError(RuntimeError):
    """An exported model does not answer as the Keras model does."""


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
    """Return the model for LiteRT: float32 (n, 28, 28) in 0..1 to logits, any n."""
    talkative = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    finally:
        if talkative:
            keras.config.enable_interactive_logging()


def checked_tflite(model: keras.Model, digits: Ink) -> bytes:
    """Return the model for LiteRT once it has answered some digits as Keras does.

    Raises:
        ExportError: a logit differs by more than `MAX_DIFFERENCE`.
    """
    tflite = to_tflite(model)
    difference = largest_difference(model, tflite, digits)
    if not difference <= MAX_DIFFERENCE:
        raise ExportError(
            f"LiteRT's logits differ from Keras' by {difference:.2g}; at most {MAX_DIFFERENCE} "
            "is rounding. The model was not saved."
        )
    return tflite


def largest_difference(model: keras.Model, tflite: bytes, digits: Ink) -> float:
    """Return the largest difference of any logit, on digits uint8 (n, 28, 28)."""
    pictures = to_input(digits)
    expected = np.asarray(model(pictures, training=False))
    return float(np.abs(expected - _logits(tflite, pictures)).max())


def _logits(tflite: bytes, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    interpreter = Interpreter(model_content=tflite, num_threads=1)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, pictures.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, pictures)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def weights_sha256(model: keras.Model) -> str:
    """Return the identity of a model: a hash over the shapes and values of its weights."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
