"""Printed lines: rules and squares of the paper, frames of a form. None of them is ink."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml.pen_width import pen_width
from ml.preprocessing import Ink

Mask = npt.NDArray[np.uint8]
"""uint8 (height, width), 0 or 1."""

WORKING_SIDE = 1_000
"""Pixels on the longer side on which lines are looked for."""

MAX_TILT = 10.0
"""Degrees by which a page is turned at most; beyond that nobody photographs one."""

LEAST_RUN = 1 / 20
"""A printed line runs straight for at least this part of the longer side; a hand does not."""

MAX_BREAK = 7
"""Pixels for which a faint line may be too faint to be seen."""

LEAST_LENGTH, MANY = 0.5, 3
"""Rules run along this part of the page's longer side, or from edge to edge, and there are
several of them. The stems of a row that was cut out closely are long beside its height alone."""

LEAST_DRAWN = 0.6
"""Part of a rule that is seen, where ink crosses it or it is faint."""

LEAST_DRAWN_DARK, PALE_RULE = 0.97, 0.7
"""A line that is no paler than this part of the ink might be the bars of a row of fours, unless it
is seen nearly everywhere."""

LEAST_ALONE = 0.9
"""A line by itself might be a one: it is a rule only if it crosses this part of the page."""

MAX_THICKNESS = 1 / 150
"""Printed lines are thinner than this part of the longer side."""

LEAST_FRAME = 1 / 25
"""A frame that a digit could stand in is no smaller than this part of the longer side."""

RIM = 3
"""Pixels before the picture's edge in which a line that leaves the picture may be lost."""

RECTANGULAR = 0.92
"""A frame's inside fills this part of the narrowest rectangle around it; a zero's fills 0.79."""


def without_rules(ink: Ink, marks: npt.NDArray[np.bool_]) -> Ink:
    """Return the ink without printed lines.

    Args:
        ink: uint8 (height, width), 0 paper.
        marks: bool (height, width), what stands out from the paper.
    """
    side = max(ink.shape)
    shrinking = max(1, -(-side // WORKING_SIDE))
    small = _shrunk(marks.astype(np.uint8), shrinking)
    lines = _rules(small, _shrunk(ink, shrinking)) | _frames(small)
    if not lines.any():
        return ink
    full = cv2.resize(lines, ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(full, 0, ink).astype(np.uint8)


def _shrunk(marks: Mask, times: int) -> Mask:
    """Return a smaller mask in which no thin line is lost."""
    if times == 1:
        return marks
    size = -(-marks.shape[1] // times), -(-marks.shape[0] // times)
    wide = cv2.dilate(marks, np.ones((times, times), np.uint8))
    return np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _rules(marks: Mask, levels: Ink) -> Mask:
    """Return the lines that cross the page, level or upright, but for what crosses them."""
    found = np.zeros_like(marks)
    run = max(8, round(LEAST_RUN * max(marks.shape)))
    for upright in (False, True):
        lying = (marks.T, levels.T) if upright else (marks, levels)
        part = _level_rules(np.ascontiguousarray(lying[0]), np.ascontiguousarray(lying[1]), run)
        found |= part.T if upright else part
    return found


def _level_rules(marks: Mask, levels: Ink, run: int) -> Mask:
    tilt = _tilt(marks)
    if tilt is None:
        return np.zeros_like(marks)
    sheared = _sheared(marks, tilt)
    whole = cv2.morphologyEx(sheared, cv2.MORPH_CLOSE, np.ones((1, MAX_BREAK), np.uint8))
    straight = cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    thick = _thickest(marks)
    bars = cv2.morphologyEx(sheared, cv2.MORPH_OPEN, np.ones((thick + 1, run), np.uint8))
    straight = _but(straight, bars)
    lines = _long(straight, LEAST_DRAWN)
    if lines.any() and _is_as_dark(_sheared(levels, tilt), lines, sheared):
        lines = _long(straight, LEAST_DRAWN_DARK)
    if not lines.any():
        return np.zeros_like(marks)
    around = cv2.dilate(lines, np.ones((5, 3), np.uint8))
    crossing = cv2.morphologyEx(
        sheared, cv2.MORPH_OPEN, np.ones((_thickness(lines) + 3, 1), np.uint8)
    )
    return _sheared(_but(around, crossing), -tilt)


def _is_as_dark(levels: Ink, lines: Mask, marks: Mask) -> bool:
    """Tell whether lines are as dark as what else is on the page, so that they may be written."""
    others = levels[_but(marks, cv2.dilate(lines, np.ones((5, 3), np.uint8))) > 0]
    if not others.size:
        return False
    return float(np.median(levels[lines > 0])) > PALE_RULE * float(np.percentile(others, 97))


def _thickest(marks: Mask) -> int:
    return max(3, int(MAX_THICKNESS * max(marks.shape)))


def _thickness(lines: Mask) -> int:
    """Return how thick lines are, in whole pixels."""
    return int(pen_width(lines) + 1)


def _but(mask: npt.NDArray[Any], other: npt.NDArray[Any]) -> Mask:
    """Return a mask without what another one has."""
    return np.asarray(mask & (1 - other), dtype=np.uint8)


def _tilt(marks: Mask) -> float | None:
    """Return how steeply the page's lines rise, as a tangent; None where there are none.

    At the right one the marks of a line fall into few rows.
    """
    rows, columns = np.nonzero(marks)
    if rows.size < marks.shape[1] / 2:
        return None
    few = np.random.default_rng(0).integers(0, rows.size, min(rows.size, 20_000))
    rows, columns = rows[few].astype(np.float64), columns[few] - marks.shape[1] / 2
    best = 0.0
    for step in (0.5, 0.1):
        angles = np.arange(-MAX_TILT, MAX_TILT, step) if step == 0.5 else np.arange(-0.5, 0.5, step)
        tangents = np.tan(np.radians(angles)) + best
        best = float(max(tangents, key=lambda tangent: _sharpness(rows - tangent * columns)))
    return best


def _sharpness(rows: npt.NDArray[np.float64]) -> float:
    counts = np.bincount(np.rint(rows - rows.min()).astype(np.int64))
    return float((counts.astype(np.float64) ** 2).sum())


def _sheared(marks: Mask, tangent: float) -> Mask:
    """Move each column up or down so that lines of this slope become level."""
    height, width = marks.shape
    shear = np.array([[1, 0, 0], [-tangent, 1, tangent * width / 2]], np.float64)
    return np.asarray(
        cv2.warpAffine(marks, shear, (width, height), flags=cv2.INTER_NEAREST), dtype=np.uint8
    )


def _long(straight: Mask, least_drawn: float) -> Mask:
    """Keep the pieces that make up a line across the page together."""
    width = straight.shape[1]
    shortest = min(width - 2, LEAST_LENGTH * max(straight.shape))
    if np.count_nonzero(straight.any(axis=0)) < least_drawn * shortest:
        return np.zeros_like(straight)
    gap = max(3, width // 10)
    joined = cv2.morphologyEx(
        cv2.dilate(straight, np.ones((3, 1), np.uint8)),
        cv2.MORPH_CLOSE,
        np.ones((1, gap), np.uint8),
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    lengths = stats[:, cv2.CC_STAT_WIDTH] / max(straight.shape)
    lengths[stats[:, cv2.CC_STAT_WIDTH] >= width - 2] = 1.0
    long = [at for at in range(1, count) if lengths[at] >= LEAST_LENGTH]
    solid = [at for at in long if _part_drawn(straight, labels, stats[at], at) >= least_drawn]
    keep = np.zeros(count, np.uint8)
    keep[[at for at in solid if len(solid) >= MANY or lengths[at] >= LEAST_ALONE]] = 1
    return np.asarray(keep[labels] & straight, dtype=np.uint8)


def _part_drawn(
    straight: Mask, labels: npt.NDArray[Any], stats: npt.NDArray[Any], label: int
) -> float:
    """Return on which part of its length a line is drawn; the bars of a row of fours leave gaps."""
    x, y, width, height = stats[:4]
    window = np.s_[y : y + height, x : x + width]
    return float(((labels[window] == label) & (straight[window] > 0)).any(axis=0).mean())


def _frames(marks: Mask) -> Mask:
    """Return the frames that something may stand in, but for strokes that cross them."""
    # A frame that the picture's edge cuts off is closed by that edge.
    rim = _rim(marks.shape)
    inner = marks[rim : marks.shape[0] - rim, rim : marks.shape[1] - rim]
    edged = cv2.copyMakeBorder(inner, *(4 * (rim + 1,)), cv2.BORDER_CONSTANT, value=1)
    contours, tree = cv2.findContours(
        edged, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(-1, -1)
    )
    around = np.zeros_like(marks)
    for contour, (_, _, _, parent) in zip(contours, tree[0] if len(contours) else (), strict=True):
        if parent >= 0 and _is_frame(contour, marks.shape):
            hull = cv2.convexHull(contour)
            band = np.zeros_like(marks)
            cv2.polylines(band, [hull], True, 1, 2 * _thickest(marks) + 1)
            cv2.fillConvexPoly(band, hull, 0)
            cv2.polylines(band, [hull], True, 1, 3)
            around |= band
    lines = np.asarray(around & marks, dtype=np.uint8)
    if not lines.any():
        return lines
    wider = np.ones((_thickness(lines) + 2,) * 2, np.uint8)
    strokes = cv2.dilate(cv2.morphologyEx(marks, cv2.MORPH_OPEN, wider), np.ones((3, 3), np.uint8))
    return _but(cv2.dilate(lines, np.ones((3, 3), np.uint8)), strokes)


def _is_frame(inside: npt.NDArray[Any], shape: tuple[int, ...]) -> bool:
    _, sides, _ = cv2.minAreaRect(inside)
    if min(sides) < LEAST_FRAME * max(shape) or _num_edges(inside, shape) > 1:
        return False
    return cv2.contourArea(cv2.convexHull(inside)) >= RECTANGULAR * sides[0] * sides[1]


def _num_edges(inside: npt.NDArray[Any], shape: tuple[int, ...]) -> int:
    """Return how many of the picture's edges a contour reaches."""
    x, y, width, height = cv2.boundingRect(inside)
    rim = _rim(shape)
    right, bottom = shape[1] - rim, shape[0] - rim
    return (x <= rim) + (y <= rim) + (x + width >= right) + (y + height >= bottom)


def _rim(shape: tuple[int, ...]) -> int:
    """Return how near to an edge a line runs into it: it may fade a few pixels before."""
    return min(RIM, max(shape) // 200)
