"""Pen strokes to ink, drawn with the pen that MNIST was written with."""

import math
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from ml.preprocessing import BOX_SIDE, Ink

Stroke = npt.NDArray[np.float64]
"""One line of the pen: float64 (n, 2), x to the right and y down."""

SUPERSAMPLING = 8
"""Rendered pixels to one pixel of the 20×20 box; the later shrinking does the antialiasing."""

PEN_WIDTH = 2.2
"""Width of the pen in pixels of the 20×20 box. At this width the rendered ink of real writers has
the median stroke width (2.5 pixels after antialiasing), the mass and the part of full ink of
MNIST's digits; from 1.8 to 2.8 the accuracy of reading it differs by 0.3 points."""

MAX_COORDINATE = 1e6
"""No screen is that large; beyond it float rounding would bend the drawing."""

MIN_POINT_VALUES, MAX_POINT_VALUES = 2, 4
"""A point is [x, y], [x, y, milliseconds] or [x, y, milliseconds, pressure]."""

SPECK_FRACTION = 0.02
"""Ink smaller than this part of the canvas is a slip of the pen, not a digit."""


class TooManyPointsError(ValueError):
    """The drawing has more points than the limit allows."""


def parse_strokes(value: object, *, max_points: int) -> list[Stroke]:
    """Check strokes that came from outside and turn them into arrays.

    Args:
        value: decoded JSON, `[[[x, y], [x, y, t_ms, pressure], …], …]`.
        max_points: the largest number of points in all strokes together.

    Returns:
        One float64 (n, 2) array for each stroke that has a point.

    Raises:
        TooManyPointsError: there are more than `max_points` points.
        ValueError: anything else is not as described; the message says where.
    """
    if not isinstance(value, list):
        raise ValueError(f"strokes must be a list of strokes, not {_kind(value)}.")
    _check_count(value, max_points)
    return [_parse_stroke(stroke, index) for index, stroke in enumerate(value) if stroke != []]


def _check_count(strokes: list[object], max_points: int) -> None:
    count = sum(len(stroke) for stroke in strokes if isinstance(stroke, list))
    if count > max_points:
        raise TooManyPointsError(
            f"The drawing has {count:,} points; at most {max_points:,} are read. "
            "Send fewer points for each stroke."
        )


def _parse_stroke(stroke: object, index: int) -> Stroke:
    if not isinstance(stroke, list):
        raise ValueError(f"strokes[{index}] must be a list of points, not {_kind(stroke)}.")
    return np.array(
        [_parse_point(point, f"strokes[{index}][{at}]") for at, point in enumerate(stroke)],
        dtype=np.float64,
    )


def _parse_point(point: object, where: str) -> tuple[float, float]:
    if not isinstance(point, list) or not MIN_POINT_VALUES <= len(point) <= MAX_POINT_VALUES:
        raise ValueError(f"{where} must be [x, y] or [x, y, milliseconds, pressure].")
    for number in point:
        if type(number) not in (int, float) or not abs(number) < math.inf:
            raise ValueError(f"{where} must hold finite numbers, not {_kind(number)}.")
    x, y = point[:2]
    if abs(x) > MAX_COORDINATE or abs(y) > MAX_COORDINATE:
        raise ValueError(f"{where} lies outside ±{MAX_COORDINATE:,.0f}.")
    return float(x), float(y)


def _kind(value: object) -> str:
    """Name what was given in the words of JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return "an infinite number or NaN"
    return _JSON_KINDS.get(type(value), "something else")


_JSON_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


def bounds(strokes: Sequence[Stroke]) -> tuple[float, float, float, float]:
    """Return `(left, top, right, bottom)` of all points, in the strokes' own units."""
    points = np.concatenate(strokes)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def is_blank(strokes: Sequence[Stroke], canvas_side: float) -> bool:
    """Tell whether nothing was drawn, or no more than a speck of the canvas."""
    if not strokes:
        return True
    left, top, right, bottom = bounds(strokes)
    return max(right - left, bottom - top) < SPECK_FRACTION * canvas_side


def render(strokes: Sequence[Stroke], *, pen_width: float = PEN_WIDTH) -> Ink:
    """Draw the strokes of one digit with a pen of MNIST's width, whatever size they had.

    Args:
        strokes: at least one stroke, each float64 (n, 2).
        pen_width: in pixels of the 20×20 box; another than MNIST's is for synthetic writers.

    Returns:
        Ink, uint8 (height, width), 0 paper and 255 ink; its longer side holds the digit at
        `SUPERSAMPLING` times the size it has in MNIST.
    """
    left, top, right, bottom = bounds(strokes)
    pen = pen_width * SUPERSAMPLING
    room = BOX_SIDE * SUPERSAMPLING - pen
    scale = room / max(right - left, bottom - top, 1e-9)
    width = math.ceil((right - left) * scale + 2 * pen)
    height = math.ceil((bottom - top) * scale + 2 * pen)
    ink = np.zeros((height, width), np.uint8)
    for stroke in strokes:
        _draw(ink, (stroke - (left, top)) * scale + pen, round(pen))
    return ink


def _draw(ink: Ink, points: Stroke, thickness: int) -> None:
    """Draw one stroke with round ends, to a sixteenth of a pixel."""
    fractional_bits = 4
    fixed = np.rint(points * 2**fractional_bits).astype(np.int32)
    corners = [(int(x), int(y)) for x, y in fixed]
    if len(corners) == 1:
        corners *= 2
    for start, end in pairwise(corners):
        cv2.line(ink, start, end, 255, thickness, cv2.LINE_AA, fractional_bits)
