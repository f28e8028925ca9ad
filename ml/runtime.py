"""LiteRT: prepared digits to logits to calibrated probabilities. Loads no TensorFlow."""

import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from ml.bundle import Bundle, BundleError, Card
from ml.preprocessing import SIDE, Ink

NUM_DIGITS = 10
MAX_BATCH = 256
"""Digits that the interpreter takes at once; more are read in several rounds, whole data sets by
two threads."""

MAX_INTERPRETERS = 2
"""Threads that read with one model at the same time; a third waits less than a millisecond."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outputs:
    """What one model says about n digits.

    Attributes:
        probabilities: float64 (n, 10), calibrated, each row sums to 1.
        refusal: float64 (n,), the higher, the less it is a digit.
    """

    probabilities: Floats
    refusal: Floats


def to_input(images: Ink) -> npt.NDArray[np.float32]:
    """Scale prepared digits, uint8 (n, 28, 28), to what the networks take: float32 in 0..1."""
    return images.astype(np.float32) / np.float32(255)


def softmax(logits: npt.NDArray[np.floating]) -> Floats:
    """Return the softmax over the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def logsumexp(logits: npt.NDArray[np.floating]) -> Floats:
    """Return log Σ exp over the last axis, in float64, without overflow."""
    logits = logits.astype(np.float64)
    largest = logits.max(axis=-1)
    return np.asarray(largest + np.log(np.exp(logits - largest[..., None]).sum(axis=-1)))


def outputs(logits: npt.NDArray[np.floating], card: Card) -> Outputs:
    """Turn logits (n, 10 or 11) into probabilities and refusal scores as the card says."""
    digits = logits[:, :NUM_DIGITS]
    probabilities = softmax(digits / card.temperature)
    if card.refusal.method == "eleventh-output":
        return Outputs(probabilities, softmax(logits)[:, NUM_DIGITS])
    return Outputs(probabilities, -logsumexp(digits))


class Recogniser:
    """One model version, ready to read; any number of threads may share it.

    An interpreter must not be used by two threads at once and holds its own packed copy of the
    weights. A few are lent to whoever reads: one for each thread would hold memory without
    reading faster.
    """

    def __init__(self, bundle: Bundle) -> None:
        """Load the model and read an empty field once, so that a broken file shows here.

        Raises:
            BundleError: LiteRT cannot run the file.
        """
        self.card = bundle.card
        self._tflite = bundle.tflite
        self._idle: queue.LifoQueue[_Loan] = queue.LifoQueue()
        for _ in range(MAX_INTERPRETERS):
            self._idle.put(_Loan(self._tflite))
        try:
            self.logits(np.zeros((1, SIDE, SIDE), np.uint8))
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"LiteRT cannot run this {self.card.family}: {error}.") from error

    def recognise(self, images: Ink) -> Outputs:
        """Read prepared digits, uint8 (n, 28, 28)."""
        return outputs(self.logits(images), self.card)

    def logits(self, images: Ink) -> npt.NDArray[np.float32]:
        """Return the network's logits, float32 (n, 10) or (n, 11).

        Raises:
            ValueError: the pictures are not uint8 (n, 28, 28).
        """
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"Expected uint8 (n, 28, 28), got {images.dtype} {images.shape}.")
        starts = range(0, max(1, len(images)), MAX_BATCH)
        rounds = [images[start : start + MAX_BATCH] for start in starts]
        if len(rounds) <= MAX_INTERPRETERS:
            return np.concatenate([self._run(part) for part in rounds])
        with ThreadPoolExecutor(MAX_INTERPRETERS) as threads:
            return np.concatenate(list(threads.map(self._run, rounds)))

    def _run(self, images: Ink) -> npt.NDArray[np.float32]:
        loan = self._idle.get()
        try:
            return loan.run(to_input(images))
        finally:
            self._idle.put(loan)


class _Loan:
    """An interpreter that one thread at a time may use; made when it is first needed."""

    def __init__(self, tflite: bytes) -> None:
        self._tflite = tflite
        self._interpreter: Interpreter | None = None
        self._batch = 0

    def run(self, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        interpreter = self._sized(len(pictures))
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pictures)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

    def _sized(self, batch: int) -> Interpreter:
        if self._interpreter is None:
            self._interpreter = Interpreter(model_content=self._tflite, num_threads=1)
        if self._batch != batch:
            index = self._interpreter.get_input_details()[0]["index"]
            self._interpreter.resize_tensor_input(index, [batch, SIDE, SIDE])
            self._interpreter.allocate_tensors()
            self._batch = batch
        return self._interpreter
