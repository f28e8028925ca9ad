"""Pieces of ink to the lines of writing in which they stand."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ml.segmentation.grouping import Craft, Found, Line
from ml.segmentation.layout import (
    Box,
    FoundDigit,
    Judge,
    in_reading_order,
    lines_of,
    shared_width,
    slope_of,
    union,
)
from ml.segmentation.pieces import Piece

P = TypeVar("P", bound=Piece)

TALL = 0.5
"""A piece of at least this part of the usual height stands in a line of its own right; a lower
one, such as the hat of a five, belongs to the line that is nearest."""

STACKED_GAP = 0.1
"""What stands over one another with no more than this part of the whole height between may be one
digit, such as the two rings of an eight, as well as two lines."""

MOST_GIVEN_UP = 3.0
"""Log-odds that a reading with the right number of digits may be less likely than the best one."""

LEAST_SKEW, LARGEST_SKEW = 6.0, 20.0
"""Degrees: what stands less askew is read as well as it stands; nothing is turned further."""

LINE_COST = 3.0
"""Log-odds against a further line where the pieces might as well stand in fewer."""


def read_lines(pieces: Sequence[P], craft: Craft[P], judge: Judge | None) -> list[FoundDigit]:
    """Put pieces together to the digits of one line or several.

    Returns:
        The digits in reading order, boxes in the units of the pieces.
    """
    ways = [sort_into_lines(pieces, _towers(pieces))]
    apart = sort_into_lines(pieces, [[piece] for piece in pieces])
    if judge is not None and apart != ways[0]:
        ways.append(apart)
    read = [[_read_line(line, pieces, craft, judge) for line in way] for way in ways]
    best = max(read, key=lambda way: sum(line.score - LINE_COST for line in way))
    return in_reading_order([digit for line in best for digit in line.digits])


def _read_line(
    line: Sequence[P], written: Sequence[P], craft: Craft[P], judge: Judge | None
) -> Found:
    """Read a line from left to right, and as it was written where that is another order.

    A bar that reaches far into the neighbour is out of its place, but not out of its time.
    """
    reader = Line(craft, judge, height_of(line))
    found = reader.read(line)
    in_time = sorted(line, key=written.index)
    if judge is None or in_time == list(line):
        return found
    return max(found, reader.read(in_time), key=lambda one: one.score)


def read_count(
    pieces: Sequence[P], craft: Craft[P], judge: Judge | None, count: int
) -> list[FoundDigit]:
    """Put the pieces of one line together to exactly so many digits, from left to right.

    Returns:
        The digits; none where that cannot be, or would be far from what the pieces look like.
    """
    line = sorted(pieces, key=lambda piece: piece.box[0] + piece.box[2] / 2)
    reader = Line(craft, judge, height_of(line))
    best, counted = reader.read(line), reader.read_count(line, count)
    if counted is None or best.score - counted.score > MOST_GIVEN_UP:
        return []
    return counted.digits


def _towers(pieces: Sequence[P]) -> list[list[P]]:
    """Return pieces together that stand over one another and close."""
    towers: list[list[P]] = []
    for piece in pieces:
        near = [tower for tower in towers if any(_stacked(piece.box, one.box) for one in tower)]
        towers = [tower for tower in towers if tower not in near]
        towers.append([piece, *(one for tower in near for one in tower)])
    return towers


def _stacked(one: Box, other: Box) -> bool:
    around = union([one, other])
    gap = around[3] - one[3] - other[3]
    beside = shared_width(one, other, narrow=0.1 * around[3])
    return beside >= 0.5 and gap <= STACKED_GAP * around[3]


def sort_into_lines(pieces: Sequence[P], towers: Sequence[Sequence[P]]) -> list[list[P]]:
    """Return the pieces of each line from left to right, the lines from top to bottom.

    Args:
        pieces: all of them.
        towers: the same pieces, those together that certainly stand in one line.
    """
    boxes = [union(piece.box for piece in tower) for tower in towers]
    usual = np.quantile([box[3] for box in boxes], 0.9)
    tall = [at for at, box in enumerate(boxes) if box[3] >= TALL * usual]
    lines = [[tall[at] for at in line] for line in lines_of([boxes[at] for at in tall])]
    members = [[piece for at in line for piece in towers[at]] for line in lines]
    for at in set(range(len(towers))) - set(tall):
        nearest = min(
            range(len(lines)),
            key=lambda line: min(_distance(boxes[at], boxes[one]) for one in lines[line]),
        )
        members[nearest] += towers[at]
    return [sorted(line, key=lambda piece: piece.box[0] + piece.box[2] / 2) for line in members]


def skew_of(pieces: Sequence[Piece]) -> float:
    """Estimate by how many degrees the lines of writing are turned, clockwise; 0 for few."""
    if len(pieces) < 2:
        return 0.0
    usual = np.quantile([piece.box[3] for piece in pieces], 0.9)
    tall = [piece.box for piece in pieces if piece.box[3] >= TALL * usual]
    skew = float(np.degrees(np.arctan(slope_of(tall))))
    return float(np.clip(skew, -LARGEST_SKEW, LARGEST_SKEW)) if abs(skew) >= LEAST_SKEW else 0.0


def height_of(line: Sequence[Piece]) -> float:
    """Return the usual height of the digits in a line, in units of the boxes."""
    heights = [union(piece.box for piece in tower)[3] for tower in _towers(line)]
    highest = max(heights)
    return max(float(np.median([one for one in heights if one >= TALL * highest])), 1e-9)


def _distance(one: Box, other: Box) -> float:
    """Return how far two boxes are apart, downwards counted threefold."""
    box = union([one, other])
    across = max(0.0, box[2] - one[2] - other[2])
    down = max(0.0, box[3] - one[3] - other[3])
    return across + 3 * down
