"""Boxes of digits, the lines they stand in, and the order in which they are read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml.preprocessing import Ink

Box = tuple[float, float, float, float]
"""x, y, width, height."""

Judge = Callable[[Ink], npt.NDArray[np.float64]]
"""Takes prepared digits, uint8 (n, 28, 28), and gives float64 (n, 11): the calibrated
probabilities of the ten digits and of being none."""

SAME_LINE_OVERLAP = 0.4
"""Neighbours stand in one line if they share this part of the lower one's height."""

LEVEL_PRIOR = 0.5
"""How strongly lines are taken to be level, in squared heights of a digit: the variance of where a
writer puts digits above and below the line, over that of how steeply people's lines stand."""

STEEPEST = 0.4
"""Lines that seem to fall or climb by more are no lines, but digits scattered on a page."""


@dataclass(frozen=True)
class FoundDigit:
    """One digit and where it was found.

    Attributes:
        picture: what the models see, uint8 (28, 28).
        box: x, y, width, height in the units of the request.
        line: number of its line, from 0 at the top.
        position: number in its line, from 0 at the left.
    """

    picture: Ink
    box: Box
    line: int = 0
    position: int = 0


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around at least one box."""
    corners = np.array([(x, y, x + width, y + height) for x, y, width, height in boxes])
    left, top = corners[:, :2].min(axis=0)
    right, bottom = corners[:, 2:].max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def shared_height(one: Box, other: Box) -> float:
    """Return the height that two boxes share, as part of the lower one's, 0..1."""
    top, bottom = max(one[1], other[1]), min(one[1] + one[3], other[1] + other[3])
    return max(0.0, bottom - top) / max(min(one[3], other[3]), 1e-9)


def shared_width(one: Box, other: Box, *, narrow: float = 1e-9) -> float:
    """Return the width that two boxes share, as part of the narrower one's, 0..1.

    Args:
        one, other: the boxes.
        narrow: a box is taken to be at least so wide.
    """
    left, right = max(one[0], other[0]), min(one[0] + one[2], other[0] + other[2])
    return max(0.0, right - left) / max(min(one[2], other[2]), narrow)


def lines_of(boxes: Sequence[Box]) -> list[list[int]]:
    """Sort boxes into lines of writing.

    Returns:
        Indices of the boxes, from left to right, for each line from top to bottom.
    """
    slope = slope_of(boxes)
    level = [(x, y - slope * (x + width / 2), width, height) for x, y, width, height in boxes]
    return _neighbours(level)


def slope_of(boxes: Sequence[Box]) -> float:
    """Estimate how steeply the lines fall in which boxes stand.

    The middles of a line's digits lie on it but for the writer's hand. One slope is fitted to all
    lines by ridge regression, so that two or three digits, or a column of them, tell little.

    Returns:
        A tangent, 0 for level lines and below 0 for climbing ones.
    """
    if len(boxes) < 2:
        return 0.0
    middles = np.array([_middle(box) for box in boxes], np.float64)
    products = np.zeros(2)
    for line in _neighbours(boxes):
        across, down = (middles[line] - middles[line].mean(axis=0)).T
        products += across @ across, across @ down
    prior = LEVEL_PRIOR * float(np.median([box[3] for box in boxes])) ** 2
    if abs(products[1]) > STEEPEST * products[0]:
        return 0.0
    return float(products[1] / max(products[0] + prior, 1e-9))


def _neighbours(boxes: Sequence[Box]) -> list[list[int]]:
    """Sort boxes into lines, each continued by what stands beside its last box."""
    lines: list[list[int]] = []
    for at in sorted(range(len(boxes)), key=lambda at: _middle(boxes[at])[0]):
        beside = [shared_height(boxes[line[-1]], boxes[at]) for line in lines]
        best = int(np.argmax(beside)) if beside else -1
        if best >= 0 and beside[best] >= SAME_LINE_OVERLAP:
            lines[best].append(at)
        else:
            lines.append([at])
    return sorted(lines, key=lambda line: _middle(union(boxes[at] for at in line))[1])


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def in_reading_order(digits: Sequence[FoundDigit]) -> list[FoundDigit]:
    """Return digits line by line, with their numbers in it; what they said before is not used."""
    return [
        replace(digits[at], line=line, position=position)
        for line, members in enumerate(lines_of([digit.box for digit in digits]))
        for position, at in enumerate(members)
    ]
