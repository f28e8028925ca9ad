"""Places where two digits that touch may be cut apart; more of them than are needed."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ml import strokes as pen
from ml.segmentation.joints import cut_at_joints
from ml.segmentation.pieces import InkPiece, StrokePiece, cropped
from ml.segmentation.seams import seams_of

MAX_CUTS = 5
"""Cuts that are tried on one piece."""

SPACING = 0.12
"""Cuts are at least this part of a digit's height apart; a one is about as wide."""

LEAST_HEIGHT = 0.4
"""What a cut of a stroke leaves on either side has this part of a digit's height, or is none."""

UNBROKEN = 6.0
"""That the pen stayed on the paper speaks against two digits like so many widths of cut ink."""

MAX_SHARED = 0.6
"""Parts of one stroke that share more of the narrower one's width do not stand side by side."""

Floats = npt.NDArray[np.float64]


def cut_stroke(piece: StrokePiece, height: float) -> list[StrokePiece]:
    """Divide a stroke that may run through several digits.

    A pen that goes on from one digit to the next leaves what it wrote before on the left.

    Args:
        piece: the stroke.
        height: of the digits in its line.

    Returns:
        The parts in the order of writing; the piece alone where no cut makes sense.
    """
    stroke, way = _dense(piece.stroke, height / 40)
    shared = _shared_widths(stroke[:, 0], SPACING * height)
    shared[_is_low_before_or_after(stroke[:, 1], LEAST_HEIGHT * height)] = np.inf
    ends = [0, *_lowest(shared, way, MAX_SHARED, SPACING * height), len(stroke) - 1]
    return [
        StrokePiece(stroke[start : end + 1], cut=UNBROKEN * (start > 0))
        for start, end in pairwise(ends)
    ]


def _dense(stroke: pen.Stroke, step: float) -> tuple[pen.Stroke, Floats]:
    """Return a stroke with points at every step of its way, and the way to each, from 0."""
    lengths = np.hypot(*np.diff(stroke, axis=0).T)
    corners = np.concatenate([[0.0], np.cumsum(lengths)])
    num_steps = min(2_000, int(corners[-1] / step) + 1)
    way = np.union1d(corners, np.linspace(0, corners[-1], num_steps + 1))
    return np.column_stack([np.interp(way, corners, stroke[:, axis]) for axis in (0, 1)]), way


def _shared_widths(x: Floats, narrow: float) -> Floats:
    """Return, for a cut at each point, what both sides share of the narrower one's width.

    Where what lies before is not on the left that is more than all.
    """
    left, right = np.minimum.accumulate(x), np.maximum.accumulate(x)
    left_after = np.minimum.accumulate(x[::-1])[::-1]
    right_after = np.maximum.accumulate(x[::-1])[::-1]
    shared = right - left_after
    narrower = np.maximum(np.minimum(right - left, right_after - left_after), narrow)
    in_order = left + right < left_after + right_after
    return np.where(in_order, shared / narrower, np.inf)


def _is_low_before_or_after(y: Floats, height: float) -> npt.NDArray[np.bool_]:
    """Tell, for a cut at each point, whether what is left on either side is lower than this."""
    before = np.maximum.accumulate(y) - np.minimum.accumulate(y)
    y = y[::-1]
    after = (np.maximum.accumulate(y) - np.minimum.accumulate(y))[::-1]
    return np.asarray(np.minimum(before, after) < height)


def _lowest(costs: Floats, places: Floats, limit: float, spacing: float) -> list[int]:
    """Return the indices of the cheapest places, so far from each other and from both ends."""
    chosen: list[int] = []
    for at in np.argsort(costs, kind="stable"):
        if costs[at] > limit or len(chosen) == MAX_CUTS:
            break
        taken = places[[0, *chosen, -1]]
        if np.abs(taken - places[at]).min() >= spacing:
            chosen.append(int(at))
    return sorted(chosen)


def cut_ink(piece: InkPiece, height: float) -> list[InkPiece]:
    """Divide a patch of ink along the seams that cut through least of it.

    Args:
        piece: the patch.
        height: of the digits in its line, in pixels of the ink.

    Returns:
        The parts from left to right; the piece alone where no cut makes sense.
    """
    seams = seams_of(piece.ink, height)
    if not seams:
        return [piece]
    columns = np.arange(piece.ink.shape[1])
    region = sum((columns >= seam.columns[:, None]).astype(np.int64) for seam in seams)
    crossed = [0.0, *(seam.crossed for seam in seams)]
    parts = [
        cropped(piece, np.where(region == at, piece.ink, 0).astype(np.uint8), cut)
        for at, cut in enumerate(crossed)
    ]
    return [part for part in parts if part is not None]


def ways_to_cut_ink(piece: InkPiece, height: float) -> list[list[InkPiece]]:
    """Divide a patch of ink along seams, and where its strokes meet.

    Args:
        piece: the patch.
        height: of the digits in its line, in pixels of the ink.

    Returns:
        Different ways, each with its parts in an order in which neighbours may make a digit.
    """
    return [cut_ink(piece, height), *cut_at_joints(piece, height)]


def ways_to_cut_stroke(piece: StrokePiece, height: float) -> list[list[StrokePiece]]:
    """Divide a stroke that may run through several digits; there is one way only."""
    return [cut_stroke(piece, height)]
