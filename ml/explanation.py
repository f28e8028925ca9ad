"""What in a digit's picture decided the answer, found by covering parts of it.

M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks" (2014),
section 4.2: where covering a place costs the answer much of its probability, that place decided.
It asks the model forwards only, so it works on LiteRT, which gives no gradients.
"""

import numpy as np
import numpy.typing as npt

from ml.preprocessing import SIDE, Ink
from ml.runtime import Floats, Recogniser

PATCH = 5
"""Side of the square that is covered: about twice the pen, so that a stroke is really cut."""
ZOOM = 10
"""Pixels of the explanation's picture for one of the digit's."""

BATCH = 28
"""Pictures that the model is asked about at once: an interpreter never gives back the room that
its largest batch took, 37 MB for 256, and others read between two rounds."""

Colours = npt.NDArray[np.uint8]

FOR, AGAINST = np.array([230, 97, 1]), np.array([94, 60, 153])
"""Orange and purple, told apart also by the colour-blind (C. Brewer's PuOr, colorbrewer2.org)."""


def explain(picture: Ink, recogniser: Recogniser, label: int) -> Floats:
    """Return how much each place speaks for a label.

    Args:
        picture: a prepared digit, uint8 (28, 28).
        recogniser: the version that is asked.
        label: the answer to explain, 0..9.

    Returns:
        float64 (28, 28) in -1..1: above 0 where covering costs the label log-probability, below
        0 where covering helps it; scaled so that the strongest place is ±1. All 0 for a blank.
    """
    whole = _log_probability(picture[None], recogniser, label)
    costs = whole - _log_probability(_covered(picture), recogniser, label)
    return _scaled(_spread(costs.reshape(SIDE, SIDE)))


def draw(picture: Ink, importance: Floats) -> Colours:
    """Lay an explanation over its digit.

    Args:
        picture: uint8 (28, 28).
        importance: float64 (28, 28) in -1..1, from `explain`.

    Returns:
        uint8 (280, 280, 3), the digit in grey under orange (for) and purple (against).
    """
    grey = np.repeat(255 - picture[..., None].astype(np.float64) * 0.6, 3, axis=-1)
    colour = np.where(importance[..., None] > 0, FOR, AGAINST)
    weight = np.abs(importance)[..., None] * 0.8
    small = np.rint(grey * (1 - weight) + colour * weight).astype(np.uint8)
    return small.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)


def _covered(picture: Ink) -> Ink:
    """Return the picture with paper laid on each place in turn, uint8 (784, 28, 28)."""
    half = PATCH // 2
    covered = np.repeat(picture[None], SIDE * SIDE, axis=0)
    for at in range(SIDE * SIDE):
        row, column = divmod(at, SIDE)
        covered[
            at, max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1
        ] = 0
    return covered


def _log_probability(pictures: Ink, recogniser: Recogniser, label: int) -> Floats:
    rounds = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    probabilities = np.concatenate([recogniser.recognise(one).probabilities for one in rounds])
    return np.asarray(np.log(np.maximum(probabilities[:, label], 1e-12)))


def _spread(costs: Floats) -> Floats:
    """Give each pixel the mean cost of the patches that cover it."""
    half = PATCH // 2
    padded = np.pad(costs, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH))
    return np.asarray(windows.mean(axis=(-2, -1)))


def _scaled(values: Floats) -> Floats:
    strongest = float(np.abs(values).max())
    return values / strongest if strongest > 1e-9 else np.zeros_like(values)
