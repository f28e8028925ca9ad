"""Boxes merged and split by hand: the same ink, put together as a person says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ml import strokes as pen
from ml.images import Photo
from ml.preprocessing import Ink
from ml.segmentation.drawing import STROKES
from ml.segmentation.grouping import Line, P
from ml.segmentation.layout import Box, FoundDigit, Judge
from ml.segmentation.lines import skew_of
from ml.segmentation.paper import PATCHES, pieces_of, scaled
from ml.segmentation.pieces import InkPiece, StrokePiece, digit_of_ink, digit_of_strokes
from ml.segmentation.turning import in_drawing, in_picture, upright, upright_stroke

INSIDE = 0.5
"""A stroke belongs to a box that holds at least this part of its points."""


@dataclass(frozen=True, eq=False)
class Source:
    """What digits were found in, kept so that a box of it can be read again.

    Attributes:
        drawing: the strokes, or None for a picture.
        ink: the picture's ink, uint8 (height, width), or None for a drawing.
        scale: units of the boxes for one pixel of `ink`; 1 for a drawing.
    """

    drawing: Sequence[pen.Stroke] | None = None
    ink: Ink | None = None
    scale: float = 1.0

    @classmethod
    def of_strokes(cls, drawing: Sequence[pen.Stroke], width: float, height: float) -> "Source":
        """Return a drawing as source; its boxes are in units of the canvas."""
        return cls(drawing=drawing)

    @classmethod
    def of_picture(cls, photo: Photo) -> "Source":
        """Return a decoded picture as source; its boxes are in pixels of what came in."""
        return cls(ink=photo.ink, scale=photo.scale)

    @cached_property
    def skew(self) -> float:
        """By how many degrees all lines are turned, clockwise."""
        if self.drawing is not None:
            return skew_of([StrokePiece(stroke) for stroke in self.drawing])
        assert self.ink is not None
        return skew_of(pieces_of(self.ink))

    def placed(self, digit: FoundDigit) -> FoundDigit:
        """Return a digit of the upright ink with its box in units of the request."""
        if self.drawing is not None:
            return replace(digit, box=in_drawing(digit.box, self.skew, self.drawing))
        assert self.ink is not None
        box = in_picture(digit.box, self.skew, self.ink)
        return scaled(replace(digit, box=box), self.scale)


def in_box(source: Source, box: Box) -> FoundDigit:
    """Return all ink in a box as one digit, whatever it looks like.

    Args:
        source: the drawing or picture.
        box: x, y, width, height in the units in which digits were found.

    Raises:
        ValueError: there is no ink in the box.
    """
    if source.drawing is not None:
        return source.placed(digit_of_strokes(_strokes_in(source, box)))
    return source.placed(digit_of_ink(_ink_in(source, box)))


def split(source: Source, box: Box, judge: Judge | None = None) -> list[FoundDigit]:
    """Cut the ink in a box in two where that reads best.

    Args:
        source, box: as for `in_box`.
        judge: tells what looks like a digit; without one the narrowest place is cut.

    Returns:
        The two digits from left to right.

    Raises:
        ValueError: there is no ink in the box, or nothing to cut.
    """
    if source.drawing is not None:
        found = _halves(Line(STROKES, judge, box[3]), _strokes_in(source, box))
    else:
        height = box[3] / source.scale
        found = _halves(Line(PATCHES, judge, height), _ink_in(source, box))
    return [source.placed(digit) for digit in found]


def _halves(line: Line[P], pieces: Sequence[P]) -> list[FoundDigit]:
    ordered = sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2] / 2)
    return line.halves(ordered)


def _strokes_in(source: Source, box: Box) -> list[StrokePiece]:
    """Return the strokes in a box, upright."""
    assert source.drawing is not None
    pieces = [StrokePiece(one) for one in source.drawing if _part_inside(one, box) >= INSIDE]
    if not pieces:
        raise ValueError("There is no ink in this box.")
    return [upright_stroke(piece, source.skew) for piece in pieces]


def _part_inside(stroke: pen.Stroke, box: Box) -> float:
    corner, size = np.array(box[:2]), np.array(box[2:])
    slack = 1e-6 * (1 + size.max())
    inside = (stroke >= corner - slack) & (stroke <= corner + size + slack)
    return float(inside.all(axis=1).mean())


def _ink_in(source: Source, box: Box) -> list[InkPiece]:
    """Return the pieces of ink in a box, upright."""
    assert source.ink is not None
    x, y, width, height = (side / source.scale for side in box)
    left, top = max(0, round(x)), max(0, round(y))
    window = source.ink[top : round(y + height), left : round(x + width)]
    pieces = pieces_of(window, cut_out=True) if window.size else []
    if not pieces:
        raise ValueError("There is no ink in this box.")
    moved = [InkPiece(piece.ink, piece.x + left, piece.y + top) for piece in pieces]
    return [upright(piece, source.skew) for piece in moved]
