"""Ink to the digits in it.

Every submission is taken as one digit so far: all strokes, or all ink that is no speck, belong
to it. Whole numbers come in here, without anything around it having to change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ml import strokes as pen
from ml.pen_width import with_wide_pen
from ml.preprocessing import Ink, NoInkError, ink_box, prepare

SPECK_AREA_FRACTION = 0.02
"""A piece of ink with less than this part of the largest piece's area is a speck."""

PREPARED_SIDE = 64
"""Somebody cut out and cleaned a picture as small as this: its smallest dot is ink."""


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
    box: tuple[float, float, float, float]
    line: int = 0
    position: int = 0


def digits_in_strokes(
    strokes: Sequence[pen.Stroke], width: float, height: float
) -> list[FoundDigit]:
    """Find the digits in a drawing; an empty list if nothing was drawn.

    Args:
        strokes: the drawing, each stroke float64 (n, 2), in units of the canvas.
        width, height: size of the canvas.
    """
    if pen.is_blank(strokes, max(width, height)):
        return []
    left, top, right, bottom = pen.bounds(strokes)
    box = (left, top, right - left, bottom - top)
    return [FoundDigit(prepare(pen.render(strokes)), box)]


def digits_in_ink(ink: Ink, scale: float = 1.0) -> list[FoundDigit]:
    """Find the digits in a picture's ink; an empty list if there is none.

    Args:
        ink: uint8 (height, width), 0 paper and 255 ink.
        scale: pixels of the picture that came in for one pixel of `ink`.
    """
    clean = _without_specks(ink)
    found = ink_box(clean)
    if found is None:
        return []
    x, y, width, height = found
    box = (x * scale, y * scale, width * scale, height * scale)
    try:
        return [FoundDigit(_picture(clean[y : y + height, x : x + width]), box)]
    except NoInkError:  # specks so far apart that a digit's 28×28 cannot show them
        return []


def _picture(ink: Ink) -> Ink:
    """Prepare a digit that was cut out of a picture; a small one's pen is left as it is."""
    return prepare(ink if max(ink.shape) <= PREPARED_SIDE else with_wide_pen(ink))


def _without_specks(ink: Ink) -> Ink:
    if max(ink.shape) <= PREPARED_SIDE:
        return ink
    count, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 0).astype(np.uint8))
    if count <= 2:  # paper and at most one piece of ink
        return ink
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    keep = areas >= SPECK_AREA_FRACTION * areas.max()
    return np.asarray(np.where(keep[labels], ink, 0), dtype=np.uint8)
