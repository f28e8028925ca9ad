"""The digits in a picture's ink."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from ml.preprocessing import SIDE, Ink, ink_box
from ml.segmentation.cuts import ways_to_cut_ink
from ml.segmentation.grouping import Craft
from ml.segmentation.layout import FoundDigit, Judge, in_reading_order
from ml.segmentation.lines import read_count, read_lines, skew_of
from ml.segmentation.pieces import PREPARED_SIDE, InkPiece, digit_of_ink
from ml.segmentation.turning import in_picture, upright

PATCHES = Craft(digit_of_ink, ways_to_cut_ink)

SPECK_AREA = 0.02
"""A piece of ink with less than this part of the largest piece's area is a speck."""

SPECK_SIDE = 0.3
"""What stands alone and is lower than this part of the usual digit is a speck, or a dash."""

LEAST_SIDE = 3
"""Pixels; what is smaller both ways shows no shape."""

LEAST_DIGIT = 8
"""Pixels; nobody can read what is lower."""

FAINT = 128
"""A piece whose darkest place is fainter than this is a shadow or a part of a line."""

EDGE = 0.3
"""What lies along the picture's edge for this part of its side is the edge of the page."""


def digits_in_ink(
    ink: Ink, scale: float = 1.0, judge: Judge | None = None, *, count: int | None = None
) -> list[FoundDigit]:
    """Find the digits in a picture's ink, in reading order; an empty list if there is none.

    Args:
        ink: uint8 (height, width), 0 paper and 255 ink.
        scale: pixels of the picture that came in for one pixel of `ink`.
        judge: tells what looks like a digit; without one the places of the ink alone decide.
        count: how many digits there should be, in one line: such a reading is preferred to one
            that is a little likelier. Where there is none, another number is found.
    """
    pieces = pieces_of(ink)
    if not pieces:
        return []
    if max(ink.shape) <= SIDE:
        # Somebody prepared this one digit; however odd it looks, it is not taken apart.
        judge = None
    skew = skew_of(pieces)
    pieces = [upright(piece, skew) for piece in pieces]
    found = read_lines(pieces, PATCHES, judge)
    if max(ink.shape) > PREPARED_SIDE:
        found = without_specks(found)
    if count not in (None, len(found)):
        found = read_count(pieces, PATCHES, judge, count) or found
    placed = [
        replace(digit, box=in_picture(digit.box, skew, ink)) for digit in in_reading_order(found)
    ]
    return [scaled(digit, scale) for digit in placed]


def without_specks(digits: Sequence[FoundDigit]) -> list[FoundDigit]:
    """Return the digits without those that are too small beside the others to be any."""
    digits = [digit for digit in digits if digit.box[3] >= LEAST_DIGIT]
    if not digits:
        return []
    highest = max(digit.box[3] for digit in digits)
    large = [digit.box[3] for digit in digits if digit.box[3] >= SPECK_SIDE * highest]
    return [digit for digit in digits if digit.box[3] >= SPECK_SIDE * float(np.median(large))]


def scaled(digit: FoundDigit, scale: float) -> FoundDigit:
    """Return the digit with its box in pixels of the picture that came in."""
    x, y, width, height = digit.box
    box = x * scale, y * scale, width * scale, height * scale
    return FoundDigit(digit.picture, box, digit.line, digit.position)


def pieces_of(ink: Ink, *, cut_out: bool = False) -> list[InkPiece]:
    """Return the connected pieces of ink that are neither specks nor the edge of the page.

    Args:
        ink: uint8 (height, width).
        cut_out: whether somebody cut this out, so that ink along the edge is ink all the same.
    """
    if max(ink.shape) <= SIDE:
        return _all_as_one(ink)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((ink > 0).astype(np.uint8))
    pieces = [
        _piece(ink, labels, at, stats[at])
        for at in range(1, count)
        if max(stats[at][2:4]) >= LEAST_SIDE or max(ink.shape) <= PREPARED_SIDE
    ]
    if max(ink.shape) <= PREPARED_SIDE:
        return pieces
    pieces = [piece for piece in pieces if piece.ink.max() >= FAINT]
    if not cut_out:
        pieces = [piece for piece in pieces if not _is_edge(piece, ink.shape)]
    largest = max((_area(piece) for piece in pieces), default=0)
    return [piece for piece in pieces if _area(piece) >= SPECK_AREA * largest]


def _area(piece: InkPiece) -> int:
    return int(np.count_nonzero(piece.ink))


def _is_edge(piece: InkPiece, shape: tuple[int, ...]) -> bool:
    """Tell whether a piece lies along one of the picture's edges."""
    height, width = piece.ink.shape
    along = [
        (piece.y == 0, piece.ink[0], shape[1]),
        (piece.y + height == shape[0], piece.ink[-1], shape[1]),
        (piece.x == 0, piece.ink[:, 0], shape[0]),
        (piece.x + width == shape[1], piece.ink[:, -1], shape[0]),
    ]
    return any(touches and np.count_nonzero(edge) >= EDGE * side for touches, edge, side in along)


def _all_as_one(ink: Ink) -> list[InkPiece]:
    box = ink_box(ink)
    if box is None:
        return []
    x, y, width, height = box
    return [InkPiece(ink[y : y + height, x : x + width], x, y)]


def _piece(ink: Ink, labels: np.ndarray, at: int, stats: np.ndarray) -> InkPiece:
    x, y, width, height = (int(value) for value in stats[:4])
    window = np.s_[y : y + height, x : x + width]
    return InkPiece(np.where(labels[window] == at, ink[window], 0).astype(np.uint8), x, y)
