"""Sharp edges: what is written has two that face each other, and a soft shadow has none.

The width of the strokes is measured as in the stroke width transform of B. Epshtein, E. Ofek and
Y. Wexler ("Detecting text in natural scenes with stroke width transform", 2010): from an edge a
ray goes into the dark until it meets an edge that faces it. Neither paper nor light need be known.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ml.preprocessing import Ink

WORKING_SIDE = 1_000
"""Pixels on the longer side on which edges are looked for."""

ONE_IN = 2_000
"""The sharpest edges have the slope that one pixel in so many exceeds; a single small digit on a
large page has that many pixels of edge."""

SHARP = 0.4
"""Part of the slope of the sharpest edges from which a ray begins."""

FACING = 0.6
"""Part of that slope, in the opposite direction, that ends a ray."""

LEAST_SLOPE = 30
"""The sum of both Sobel slopes at an edge of four levels; a fainter one is grain."""

NUM_RAYS = 600
"""So many, from edges chosen by chance, give the width to a few per cent."""

LONGEST_RAY = 0.12
"""Part of the longer side; no pen is wider."""

LONGER_THAN = 75
"""Per cent of the rays are shorter than the width that is returned."""

LINE, THIN_LINE = 1 / 25, 1 / 140
"""Parts of the longer side: what is so straight to one side, and so thin, is a printed line. The
frames of a form have more edge than the digits in them, and are thinner."""

PALE = 0.3
"""Part of the slope of the sharpest edges that the palest ink has; soft shadows have less."""

REACH = 1.5
"""Widths of the pen: ink is no further from a sharp edge."""

Slopes = npt.NDArray[np.int16]
"""int16 (height, width): what the Sobel operator gives."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Edges:
    """How the levels of a picture rise to the right and downwards."""

    across: Slopes
    down: Slopes

    @classmethod
    def of(cls, levels: Ink) -> "_Edges":
        part = min(1.0, WORKING_SIDE / max(levels.shape))
        size = max(1, int(levels.shape[1] * part)), max(1, int(levels.shape[0] * part))
        small = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
        across, down = cv2.spatialGradient(cv2.GaussianBlur(small, (5, 5), 1.0))
        return cls(np.asarray(across, dtype=np.int16), np.asarray(down, dtype=np.int16))

    def steepness(self) -> Slopes:
        return np.asarray(np.abs(self.across) + np.abs(self.down), dtype=np.int16)

    def rising(self, rows: Floats, columns: Floats, right: Floats, below: Floats) -> Floats:
        """Return the slope at some places in some directions; 0 beyond the picture."""
        height, width = self.across.shape
        row, column = np.rint(rows).astype(np.int64), np.rint(columns).astype(np.int64)
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        at = np.where(inside, row * width + column, 0)
        slopes = self.across.ravel()[at] * right + self.down.ravel()[at] * below
        return np.asarray(np.where(inside, slopes, 0), dtype=np.float32)


def stroke_width(darkness: Ink) -> float | None:
    """Estimate the width of the strokes, in pixels; None where no two edges face each other.

    Args:
        darkness: uint8 (height, width), ink brighter than its paper.
    """
    edges = _Edges.of(darkness)
    steepness = edges.steepness()
    sharp = max(SHARP * _sharpest(steepness), LEAST_SLOPE)
    places = np.flatnonzero(steepness >= sharp)
    if not places.size:
        return None
    chosen = np.random.default_rng(0).integers(0, places.size, NUM_RAYS)
    rays = _rays(edges, places[chosen], FACING * sharp)
    part = max(steepness.shape) / max(darkness.shape)
    return float(np.percentile(rays, LONGER_THAN)) / part if rays.size else None


def near_edges(levels: Ink, pen: float) -> npt.NDArray[np.bool_]:
    """Tell which pixels are no further from a sharp edge than ink is.

    Args:
        levels: uint8 (height, width), ink brighter than its paper, and evenly lit.
        pen: its width in pixels.

    Returns:
        bool (height, width).
    """
    steepness = _Edges.of(levels).steepness()
    sharp = (steepness >= PALE * _sharpest(steepness)).astype(np.uint8)
    reach = round(2 * REACH * pen * max(steepness.shape) / max(levels.shape)) | 1
    near = cv2.dilate(sharp, np.ones((reach, reach), np.uint8))
    return cv2.resize(near, levels.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0


def _sharpest(steepness: Slopes) -> float:
    """Return how steep the sharpest edges are."""
    some = steepness[::2, ::2].ravel()
    rank = max(1, some.size // ONE_IN)
    return float(np.partition(some, -rank)[-rank])


def _rays(edges: _Edges, places: npt.NDArray[np.int64], facing: float) -> npt.NDArray[np.int64]:
    """Return the lengths, in pixels, of the rays that meet an edge that faces their own.

    Args:
        edges: of the whole picture.
        places: int64 (n,), flat indices of where rays begin.
        facing: slope, against the ray, of what ends it.
    """
    height, width = edges.across.shape
    side = max(height, width)
    rows, columns = (part[:, None].astype(np.float32) for part in np.divmod(places, width))
    right = edges.across.ravel()[places, None].astype(np.float32)
    below = edges.down.ravel()[places, None].astype(np.float32)
    slope = np.hypot(right, below)
    right /= slope
    below /= slope

    def rising(to_right: Floats, to_below: Floats) -> Floats:
        return edges.rising(rows + to_below, columns + to_right, right, below)

    steps = np.arange(1, int(LONGEST_RAY * side) + 2)
    ends = rising(right * steps, below * steps) <= -facing
    lengths, met = steps[ends.argmax(axis=1)], ends.any(axis=1)
    along = np.linspace(0.25, 1, 4, dtype=np.float32) * LINE * side
    straight = [
        (rising(-below * way, right * way) >= facing).all(axis=1) for way in (along, -along)
    ]
    printed = (lengths <= THIN_LINE * side) & np.any(straight, axis=0)
    written = met & ~printed
    return np.asarray(lengths[written if written.any() else met])
