"""Pieces of ink that are put together to digits: strokes of a pen, or patches of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from ml import strokes as pen
from ml.pen_width import with_wide_pen
from ml.preprocessing import Ink, ink_box, prepare
from ml.segmentation.layout import Box, FoundDigit, union

PREPARED_SIDE = 64
"""Somebody cut out and cleaned a picture as small as this: its smallest dot is ink."""


class Piece(Protocol):
    """A part of the ink that is not divided further."""

    @property
    def box(self) -> Box:
        """Where it lies, in units of the caller."""

    @property
    def cut(self) -> float:
        """Pen widths of ink that were cut through between the piece before and this one."""


@dataclass(frozen=True, eq=False)
class StrokePiece:
    """A stroke of the pen, or a part of one.

    Attributes:
        stroke: float64 (n, 2).
        cut: pen widths of ink that were cut through between the piece before and this one.
    """

    stroke: pen.Stroke
    cut: float = 0.0

    @cached_property
    def box(self) -> Box:
        """Where it lies, in units of the canvas."""
        left, top, right, bottom = pen.bounds([self.stroke])
        return left, top, right - left, bottom - top


def digit_of_strokes(pieces: Sequence[StrokePiece]) -> FoundDigit:
    """Return the digit that strokes make together."""
    picture = prepare(pen.render([piece.stroke for piece in pieces]))
    return FoundDigit(picture, union(piece.box for piece in pieces))


@dataclass(frozen=True, eq=False)
class InkPiece:
    """A patch of a picture's ink.

    Attributes:
        ink: uint8 (height, width), cut out so that the patch touches all four edges.
        x, y: where the patch's upper left corner lies, in pixels of the ink.
        cut: pen widths of ink that were cut through between the piece before and this one.
    """

    ink: Ink
    x: int
    y: int
    cut: float = 0.0

    @property
    def box(self) -> Box:
        """Where it lies, in pixels of the ink."""
        height, width = self.ink.shape
        return self.x, self.y, width, height


def digit_of_ink(pieces: Sequence[InkPiece]) -> FoundDigit:
    """Return the digit that patches of ink make together.

    Raises:
        NoInkError: the ink is too faint, or specks too far apart for 28×28 to show them.
    """
    whole = joined(pieces)
    return FoundDigit(_prepared(whole.ink), whole.box)


def joined(pieces: Sequence[InkPiece], cut: float = 0.0) -> InkPiece:
    """Return patches of ink as one, cut from what is before it by so many widths of the pen."""
    x, y, width, height = (round(side) for side in union(piece.box for piece in pieces))
    ink = np.zeros((height, width), np.uint8)
    for piece in pieces:
        rows, columns = piece.ink.shape
        place = ink[piece.y - y :, piece.x - x :][:rows, :columns]
        np.maximum(place, piece.ink, out=place)
    return InkPiece(ink, x, y, cut)


def cropped(piece: InkPiece, ink: Ink, cut: float = 0.0) -> InkPiece | None:
    """Return a part of a patch, cut out closely; None where nothing is left.

    Args:
        piece: the whole patch.
        ink: uint8 (height, width) as the patch's own, what is kept of it.
        cut: pen widths of ink that were cut through between the piece before and this one.
    """
    box = ink_box(ink)
    if box is None:
        return None
    x, y, width, height = box
    return InkPiece(ink[y : y + height, x : x + width], piece.x + x, piece.y + y, cut)


def _prepared(ink: Ink) -> Ink:
    """Prepare a digit that was cut out of a picture; a small one's pen is left as it is."""
    return prepare(ink if max(ink.shape) <= PREPARED_SIDE else with_wide_pen(ink))
