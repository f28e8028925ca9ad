"""Which labels are probably wrong, as models see it that never learned from any of them.

A correction that contradicts the models is what corrections are for: a habit of somebody's, which
the corrections that look most like it share. Only one that stands alone against both is suspected.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml.datasets import NOT_A_DIGIT, LabelledDigits
from ml.preprocessing import Ink
from ml.runtime import Recogniser

MIN_DIGITS = 50
"""Among fewer, a habit may well show once and have none that could speak for it."""

MAX_PROBABILITY, MIN_CONFIDENCE = 0.05, 0.8
"""A strong disagreement: so little is left for the label, and so much goes to another."""

NUM_NEIGHBOURS, NUM_VOUCHERS = 5, 2
"""Two of the five that look most like it clear a label. `benchmarks/sabotage.py` counts how many
wrong labels that finds, and how many honest ones."""

NUM_AGAINST = 4
"""A letter may look like a digit for good: "not a digit" is suspected only where so many of the
five were given the digit that the models read."""

BLUR_PIXELS = 1.5
"""Strokes that run beside each other count as alike."""


@dataclass(frozen=True)
class Suspect:
    """A label that is probably wrong.

    Attributes:
        index: its place among the digits.
        read: what the models read instead, 0..9.
        confidence: how sure they are together, 0..1.
    """

    index: int
    read: int
    confidence: float


def suspects(digits: LabelledDigits, judges: Sequence[Recogniser]) -> list[Suspect]:
    """Return the digits whose labels are probably wrong.

    Args:
        digits: labelled by people; labels 0..9 or `NOT_A_DIGIT`.
        judges: models that learned from none of them.
    """
    if len(digits) < MIN_DIGITS:
        return []
    outputs = [judge.recognise(digits.images) for judge in judges]
    probabilities = np.mean([output.probabilities for output in outputs], axis=0)
    refusal = np.mean([output.refusal for output in outputs], axis=0)
    read, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    given = np.where(
        digits.labels == NOT_A_DIGIT,
        refusal,
        np.take_along_axis(probabilities, digits.labels[:, None], axis=1)[:, 0],
    )
    doubtful = np.flatnonzero((given < MAX_PROBABILITY) & (confidence > MIN_CONFIDENCE))
    near = digits.labels[_nearest(digits.images, doubtful)]
    return [
        Suspect(int(at), int(read[at]), float(confidence[at]))
        for at, neighbours in zip(doubtful, near, strict=True)
        if _stands_alone(int(digits.labels[at]), int(read[at]), neighbours)
    ]


def _stands_alone(label: int, read: int, neighbours: npt.NDArray[np.int64]) -> bool:
    if label == NOT_A_DIGIT:
        return int((neighbours == read).sum()) >= NUM_AGAINST
    return int((neighbours == label).sum()) < NUM_VOUCHERS


def _nearest(images: Ink, chosen: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the places of the pictures most like each chosen one, (n, 5), without itself."""
    flat = np.stack([cv2.GaussianBlur(image, (0, 0), BLUR_PIXELS).ravel() for image in images])
    unit = flat / np.maximum(np.linalg.norm(flat.astype(np.float32), axis=1, keepdims=True), 1)
    likeness = unit[chosen] @ unit.T
    likeness[np.arange(len(chosen)), chosen] = -np.inf
    return np.argsort(-likeness, axis=1, kind="stable")[:, :NUM_NEIGHBOURS]
