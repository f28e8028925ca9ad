"""Ink that stands askew, turned upright to be read, and boxes led back to where it stands."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ml import strokes as pen
from ml.preprocessing import Ink, ink_box
from ml.segmentation.layout import Box
from ml.segmentation.pieces import InkPiece, StrokePiece

Matrix = npt.NDArray[np.float64]


def upright(piece: InkPiece, skew: float) -> InkPiece:
    """Return a piece turned back about the picture's upper left corner.

    Args:
        piece: a patch of ink.
        skew: by how many degrees it stands askew, clockwise.
    """
    if not skew:
        return piece
    turn = _turn(-skew)
    x, y, width, height = piece.box
    low, high = _bounds((x - 0.5, y - 0.5, width, height), turn)
    left, top = np.floor(low).astype(int).tolist()
    size = (np.ceil(high).astype(int) - (left, top) + 1).tolist()
    move = turn @ (piece.x, piece.y) - (left, top)
    seen = cv2.warpAffine(piece.ink, np.column_stack([turn, move]), size, flags=cv2.INTER_LINEAR)
    ink = np.asarray(seen, dtype=np.uint8)
    box = ink_box(ink)
    if box is None:
        return piece
    x0, y0, columns, rows = box
    patch = ink[y0 : y0 + rows, x0 : x0 + columns]
    return InkPiece(patch, left + x0, top + y0, piece.cut)


def in_picture(box: Box, skew: float, ink: Ink) -> Box:
    """Return the box, in the picture, of what lies in a box of the upright ink.

    Args:
        box: x, y, width, height, after turning.
        skew: by how many degrees the ink stood askew, clockwise.
        ink: uint8 (height, width), all ink of the picture as it stands.
    """
    if not skew:
        return box
    x, y, width, height = box
    turn = _turn(skew)
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]) @ turn.T
    left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    window = ink[top:bottom, left:right]
    inside = np.zeros(window.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.rint(corners - (left, top)).astype(np.int32), 1)
    seen = ink_box(np.where(inside, window, 0).astype(np.uint8))
    if seen is None:
        return float(left), float(top), float(right - left), float(bottom - top)
    return float(left + seen[0]), float(top + seen[1]), float(seen[2]), float(seen[3])


def upright_stroke(piece: StrokePiece, skew: float) -> StrokePiece:
    """Return a stroke turned back about the canvas's upper left corner, as `upright` does ink."""
    return StrokePiece(piece.stroke @ _turn(-skew).T, piece.cut) if skew else piece


def in_drawing(box: Box, skew: float, drawing: Sequence[pen.Stroke]) -> Box:
    """Return the box, on the canvas, of the points in a box of the upright drawing.

    Args:
        box: x, y, width, height, after turning; points lie on its sides.
        skew: by how many degrees the drawing stands askew, clockwise.
        drawing: all strokes as they were drawn, each float64 (n, 2).
    """
    if not skew:
        return box
    points = np.concatenate(drawing)
    corner, size = np.array(box[:2]), np.array(box[2:])
    slack = 1e-6 * (1 + np.abs(points).max())
    beyond = np.abs(points @ _turn(-skew).T - corner - size / 2) - size / 2
    inside = points[(beyond <= slack).all(axis=1)]
    if not len(inside):
        inside = (_turn(skew) @ (corner + size / 2))[None]
    left, top, right, bottom = pen.bounds([inside])
    return left, top, right - left, bottom - top


def _turn(degrees: float) -> Matrix:
    """Return the matrix that turns clockwise, y down: float64 (2, 2)."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def _bounds(box: Box, turn: Matrix) -> tuple[Matrix, Matrix]:
    """Return the lowest and the highest corner of a turned box."""
    x, y, width, height = box
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]) @ turn.T
    return corners.min(axis=0), corners.max(axis=0)
