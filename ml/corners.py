"""The corners by which a page is straightened: printed marks, or the edges of the sheet."""

import cv2
import numpy as np
import numpy.typing as npt

from ml.background import ink_of
from ml.preprocessing import Ink

Corners = npt.NDArray[np.float64]
"""Upper left, upper right, lower right, lower left: float64 (4, 2), x and y in pixels."""

WORKING_SIDE = 1_000
"""Pixels on the longer side on which corners are looked for."""

LEAST_MARK, LARGEST_MARK = 1 / 120, 1 / 12
"""Sides of a mark, as parts of the picture's longer side."""

FULL_SQUARE = 0.85
"""Part of the rectangle around it that a filled square covers, however it is turned."""

LEAST_PAGE = 0.2
"""A page takes up at least this part of the picture, and so do four marks."""

PAGE_FIT = 0.03
"""Part of its outline by which a page may differ from a quadrilateral."""

INSET = 0.01
"""A page's edge is seen if it is at least this part of the picture's side within it."""


def marks_in(grey: Ink) -> Corners | None:
    """Return the middles of four marks, filled squares or crosses, one near each corner.

    Args:
        grey: uint8 (height, width), the picture as it was seen.
    """
    small, scale = _shrunk(grey)
    _, labels, stats, _ = cv2.connectedComponentsWithStats((ink_of(small) > 127).astype(np.uint8))
    longer = max(small.shape)
    middles = []
    for at, (x, y, width, height, _) in enumerate(stats[1:], start=1):
        if (
            LEAST_MARK * longer <= min(width, height)
            and max(width, height) <= LARGEST_MARK * longer
        ):
            patch = (labels[y : y + height, x : x + width] == at).astype(np.uint8)
            if _is_square(patch) or _is_cross(patch):
                middles.append((x + (width - 1) / 2, y + (height - 1) / 2))
    return _outermost(np.array(middles, np.float64).reshape(-1, 2), small.shape, scale)


def _shrunk(grey: Ink) -> tuple[Ink, float]:
    """Return a picture of the working size, and pixels of the given one for one of it."""
    scale = max(1.0, max(grey.shape) / WORKING_SIDE)
    size = max(1, round(grey.shape[1] / scale)), max(1, round(grey.shape[0] / scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), scale


def _is_square(patch: npt.NDArray[np.uint8]) -> bool:
    contours, _ = cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    _, (width, height), _ = cv2.minAreaRect(contours[0])
    # Corner pixels are taken for points, so that each side is a pixel short.
    full = patch.sum() / ((width + 1) * (height + 1))
    return bool(full >= FULL_SQUARE and min(width, height) >= 0.7 * max(width, height))


def _is_cross(patch: npt.NDArray[np.uint8]) -> bool:
    """Tell whether two bars meet in the middle, reach all sides, and leave the corners free."""
    height, width = patch.shape
    if min(height, width) < 0.7 * max(height, width) or min(height, width) < 9:
        return False
    third_y, third_x = height // 3, width // 3
    bars = np.zeros_like(patch)
    bars[third_y : height - third_y] = bars[:, third_x : width - third_x] = 1
    return bool(
        (patch & (1 - bars)).sum() <= 0.02 * patch.sum()
        and patch[third_y : height - third_y].any(axis=0).all()
        and patch[:, third_x : width - third_x].any(axis=1).all()
        and patch.mean() < 0.6
    )


def _outermost(middles: Corners, shape: tuple[int, ...], scale: float) -> Corners | None:
    """Return the four marks that lie furthest out, if they span a page."""
    if len(middles) < 4:
        return None
    towards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    chosen = [int((middles * way).sum(axis=1).argmax()) for way in towards]
    corners = middles[chosen]
    area = cv2.contourArea(corners.astype(np.float32))
    if len(set(chosen)) < 4 or area < LEAST_PAGE * shape[0] * shape[1]:
        return None
    return (corners + 0.5) * scale


def page_in(grey: Ink) -> Corners | None:
    """Return the corners of a bright sheet on a darker ground, or None if none is seen.

    Args:
        grey: uint8 (height, width), the picture as it was seen.
    """
    small, scale = _shrunk(grey)
    _, bright = cv2.threshold(
        cv2.GaussianBlur(small, (0, 0), 3), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU
    )
    contours, _ = cv2.findContours(
        np.asarray(bright, dtype=np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    if not contours:
        return None
    sheet = cv2.convexHull(max(contours, key=cv2.contourArea))
    outline = cv2.approxPolyDP(sheet, PAGE_FIT * cv2.arcLength(sheet, True), True)[:, 0]
    if len(outline) != 4 or cv2.contourArea(outline) < LEAST_PAGE * small.size:
        return None
    corners = _in_order(outline.astype(np.float64))
    return (corners + 0.5) * scale if _is_inset(corners, small.shape) else None


def _is_inset(corners: Corners, shape: tuple[int, ...]) -> bool:
    """Tell whether the sheet's edges are seen, most of them: the picture's own are none."""
    height, width = shape
    x, y = corners[:, 0], corners[:, 1]
    seen = [
        x[[0, 3]].max() > INSET * width,
        x[[1, 2]].min() < (1 - INSET) * width,
        y[[0, 1]].max() > INSET * height,
        y[[2, 3]].min() < (1 - INSET) * height,
    ]
    return sum(bool(one) for one in seen) >= 3


def _in_order(corners: Corners) -> Corners:
    """Sort corners clockwise from the upper left one."""
    middle = corners.mean(axis=0)
    around = corners[np.argsort(np.arctan2(*(corners - middle).T[::-1]))]
    first = int(around.sum(axis=1).argmin())
    return np.roll(around, -first, axis=0)
