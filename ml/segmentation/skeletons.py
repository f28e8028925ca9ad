"""The middle lines of strokes, one pixel wide."""

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Rows and columns from a pixel to its neighbours, clockwise from the one above."""


def skeleton_of(stroke: Mask) -> Mask:
    """Thin strokes from both sides until only their middle lines are left.

    This is the parallel algorithm of T. Y. Zhang and C. Y. Suen ("A fast parallel algorithm for
    thinning digital patterns", 1984).

    Args:
        stroke: bool (rows, columns), where there is ink.

    Returns:
        bool (rows, columns), connected as the strokes were.
    """
    left = np.pad(stroke, 1)
    before = -1
    while before != (before := int(np.count_nonzero(left))):
        for lower_right in (True, False):
            left[1:-1, 1:-1] &= ~_is_rim(left, lower_right)
    return np.asarray(left[1:-1, 1:-1])


def branches_at(skeleton: Mask) -> npt.NDArray[np.int64]:
    """Return how many lines leave each pixel: int64 (rows, columns); 3 or more where some meet."""
    ring = _neighbours(np.pad(skeleton, 1))
    return np.where(skeleton, _begins(ring), 0)


def _is_rim(padded: Mask, lower_right: bool) -> Mask:
    """Tell which pixels lie on one side's rim and hold nothing together, (rows, columns)."""
    ring = _neighbours(padded)
    above, right, below, left = ring[::2]
    if lower_right:
        free = ~(above & right & below) & ~(right & below & left)
    else:
        free = ~(above & right & left) & ~(above & below & left)
    filled = ring.sum(axis=0, dtype=np.int64)
    return np.asarray((filled >= 2) & (filled <= 6) & (_begins(ring) == 1) & free)


def _begins(ring: Mask) -> npt.NDArray[np.int64]:
    """Return how often ink begins on a way around each pixel, (rows, columns)."""
    begins = ~ring & np.roll(ring, -1, axis=0)
    return np.asarray(begins.sum(axis=0, dtype=np.int64))


def _neighbours(padded: Mask) -> Mask:
    """Return each pixel's eight neighbours, clockwise from above: bool (8, rows, columns)."""
    rows, columns = padded.shape[0] - 2, padded.shape[1] - 2
    return np.stack([padded[1 + down :, 1 + along :][:rows, :columns] for down, along in AROUND])
