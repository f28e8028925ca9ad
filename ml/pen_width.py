"""The width of the pen in a picture, and a thin one made as wide as MNIST's.

A fine pen on a large picture leaves next to nothing once the digit is shrunk to 20 pixels.
"""

import math

import cv2
import numpy as np

from ml.preprocessing import BOX_SIDE, Ink, fitted
from ml.strokes import SUPERSAMPLING

WORKING_SIDE = BOX_SIDE * SUPERSAMPLING
"""A digit is thickened at the size at which strokes are rendered: others are scaled to it first."""

RENDERED_WIDTH = 2.4
"""Width, in pixels of the 20×20 box, that `pen_width` finds in rendered strokes: a line with smooth
edges comes out a tenth of a pixel wider on each side than the pen that was asked for."""

THIN = 0.95
"""A pen below this part of that width is thickened; others are left as they are."""

INK_LEVEL = 0.4
"""Part of the darkest ink above which a pixel belongs to the stroke."""

FAINTEST = 10
"""Level to which a line of one pixel fades on the largest picture; what is fainter is a speck."""


def pen_width(ink: Ink) -> float:
    """Estimate the width of the strokes, in pixels.

    Across a stroke of width w the distance to its edge rises from 0 to w/2 and falls again, so
    that its mean is w/4.

    Args:
        ink: uint8 (height, width), 0 paper and 255 ink, with ink on it.
    """
    stroke = np.pad(ink >= INK_LEVEL * ink.max(), 1).astype(np.uint8)
    distance = cv2.distanceTransform(stroke, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Pixels hold the distance from their middle to that of the nearest paper: half too much.
    return float(4 * (distance[stroke > 0].mean() - 0.5))


def with_wide_pen(ink: Ink) -> Ink:
    """Return one digit's ink with strokes that survive the shrinking.

    Args:
        ink: uint8 (height, width), cut out so that the digit touches all four edges.

    Returns:
        The same ink where its pen is wide enough or the digit small; else it is thickened, and
        at most `WORKING_SIDE` plus the pen's width on the longer side.
    """
    scaled = fitted(ink, WORKING_SIDE)
    if scaled.max() < FAINTEST:
        return ink
    missing = _missing(pen_width(scaled), max(scaled.shape))
    if missing <= 0:
        return ink
    margin = math.ceil(missing / 2)
    size = 2 * round(missing / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    levels = np.rint(scaled * (255 / float(scaled.max()))).astype(np.uint8)
    return np.asarray(cv2.dilate(np.pad(levels, margin), kernel), dtype=np.uint8)


def _missing(pen: float, side: int) -> float:
    """Return by how many pixels a pen is too narrow for a digit of this side; 0 if it is not.

    The digit grows with its pen, so that `pen + missing` is the part wanted of `side + missing`.
    """
    part = RENDERED_WIDTH / BOX_SIDE
    return 0.0 if pen >= THIN * part * side else (part * side - pen) / (1 - part)
