"""Ways through touching digits from top to bottom that cut through little ink."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml.pen_width import INK_LEVEL, pen_width
from ml.preprocessing import Ink

MAX_SEAMS = 8
"""Seams that are tried on one piece."""

ROWS = 64
"""Rows on which seams are sought; finer ones find no other place."""

ANCHORS = (0.3, 0.5, 0.7)
"""Heights at which a seam is led through each column; slanting ones differ from one to the next."""

MAX_CROSSED = 4.0
"""A seam through more pen widths of ink divides a digit, not two."""

BEND_COST = 0.05
"""Cost of a step aside, in pixels of ink: a seam is as straight as the ink lets it be."""

APART = 0.06
"""Two seams are, on average, at least this part of the height apart."""

LEAST_AREA, LEAST_HEIGHT = 0.1, 0.4
"""What lies on either side of a seam: parts of the whole ink, and of its height."""

Floats = npt.NDArray[np.float64]
Columns = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Seam:
    """A way from top to bottom.

    Attributes:
        columns: float64 (rows,), where it runs in each row of the ink.
        crossed: how much ink it cuts through, in widths of the pen.
    """

    columns: Floats
    crossed: float


def seams_of(ink: Ink, height: float) -> list[Seam]:
    """Return the cheapest ways through a patch of ink, from left to right, none crossing another.

    Args:
        ink: uint8 (rows, columns).
        height: of the digits in its line, in pixels.
    """
    rows, columns = ink.shape
    scale = ROWS / max(height, rows)
    size = max(3, round(columns * scale)), max(3, round(rows * scale))
    small = np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    stroke = (small >= INK_LEVEL * small.max()).astype(np.float64)
    ways = _chosen(stroke, max(1.0, pen_width(small)))
    ways = sorted(ways, key=lambda way: float(way[1].mean()))
    row_of = np.minimum(np.arange(rows) * size[1] // rows, size[1] - 1)
    found: list[Seam] = []
    for crossed, way in ways:
        full = (way[row_of] + 0.5) * columns / size[0]
        found.append(Seam(np.maximum(full, found[-1].columns) if found else full, crossed))
    return found


def _chosen(stroke: Floats, pen: float) -> list[tuple[float, Columns]]:
    """Return the cheapest ways that divide the ink and differ, with the pen widths they cut."""
    chosen: list[tuple[float, Columns]] = []
    for crossed, way in _ways(stroke, pen):
        apart = all(np.abs(way - other).mean() >= APART * len(stroke) for _, other in chosen)
        if apart and _divides(stroke, way):
            chosen.append((crossed, way))
        if len(chosen) == MAX_SEAMS:
            break
    return chosen


def _ways(stroke: Floats, pen: float) -> Iterator[tuple[float, Columns]]:
    """Give ways through the anchors, the cheapest first."""
    down, up = _cheapest(stroke), _cheapest(stroke[::-1])[::-1]
    through = (down + up - stroke) / pen
    anchors = [round(part * (len(stroke) - 1)) for part in ANCHORS]
    places = [
        (float(through[row, at]), row, at)
        for row in anchors
        for at in range(stroke.shape[1])
        if through[row, at] <= min(MAX_CROSSED, *through[row, max(0, at - 2) : at + 3])
    ]
    for crossed, row, at in sorted(places):
        before = _followed(down[: row + 1][::-1], at)
        after = _followed(up[row:], at)
        yield crossed, np.array([*before[::-1], *after[1:]], np.int64)


def _divides(stroke: Floats, way: Columns) -> bool:
    """Tell whether there is enough ink on either side to be a digit."""
    left = stroke * (np.arange(stroke.shape[1]) < way[:, None])
    for side in (left, stroke - left):
        rows = np.flatnonzero(side.any(axis=1))
        if side.sum() < LEAST_AREA * stroke.sum() or np.ptp(rows) < LEAST_HEIGHT * len(stroke):
            return False
    return True


def _cheapest(stroke: Floats) -> Floats:
    """Return for each pixel the cost of the cheapest way to it from the top."""
    costs = stroke.copy()
    for row in range(1, len(stroke)):
        above = costs[row - 1]
        aside = np.full_like(above, np.inf)
        aside[1:] = above[:-1]
        aside[:-1] = np.minimum(aside[:-1], above[1:])
        costs[row] += np.minimum(above, aside + BEND_COST)
    return costs


def _followed(costs: Floats, column: int) -> list[int]:
    """Follow the costs downhill from the first row to the last."""
    way = [column]
    for row in costs[1:]:
        at = way[-1]
        near = range(max(0, at - 1), min(len(row), at + 2))
        way.append(min(near, key=lambda one: row[one] + BEND_COST * (one != at)))
    return way
