"""Touching digits taken apart where strokes meet: each part keeps the ink that both share.

A cut through the ink from top to bottom takes from one digit what it leaves to the other. Strokes
that cross or run along each other are whole on both sides only if what lies in their joint counts
twice, as it was written twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml.pen_width import INK_LEVEL, pen_width
from ml.preprocessing import Ink
from ml.segmentation.pieces import InkPiece, cropped, joined
from ml.segmentation.skeletons import Mask, branches_at, skeleton_of

ROWS = 64
"""Rows on which strokes are followed; finer ones find no other joints."""

MAX_SEGMENTS = 12
"""A patch of more strokes is no two or three digits, but a drawing or what is left of rules."""

BLOT = 0.3
"""Part of ROWS; what is wider was written by no pen, and has no middle line worth following."""

JOINT = 0.5
"""Pen widths around a meeting point that belong to it: two points as near are one joint."""

SPUR = 0.75
"""Pen widths; what is shorter and leads nowhere is roughness of the ink, no stroke."""

REACH = 0.55
"""Pen widths that a stroke reaches to either side of its middle; a little more than half of one."""

LINK = 0.5
"""Where two digits touch along each other they share a stretch no longer than this part of ROWS."""

CROSSED = 0.5
"""A joint is held against two digits like so many widths of ink that is cut through."""

LEANINGS = (0.5, 0.0, 1.0)
"""Segments stand in the order of their middles, their left or their right sides."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A stroke, or what lies of it between two joints.

    Attributes:
        piece: its ink and that of the joints at its ends.
        joints: numbers of those joints.
        link: whether it is a short way from one joint to another, which two strokes may share.
    """

    piece: InkPiece
    joints: frozenset[int]
    link: bool


@dataclass(frozen=True, eq=False)
class _Course:
    """The middle line of a segment, bool (rows, columns), with those of its joints."""

    line: Mask
    joints: frozenset[int]
    length: int


def cut_at_joints(piece: InkPiece, height: float) -> list[list[InkPiece]]:
    """Divide a patch of ink where its strokes meet.

    Args:
        piece: the patch.
        height: of the digits in its line, in pixels of the ink.

    Returns:
        Ways of dividing it, each with its parts in an order in which neighbours may make a digit;
        none where no strokes meet.
    """
    segments = segments_of(piece, height)
    if len(segments) < 2:
        return []
    orders = dict.fromkeys(
        tuple(sorted(segments, key=lambda one: one.piece.box[0] + lean * one.piece.box[2]))
        for lean in LEANINGS
    )
    halves = dict.fromkeys(half for order in orders for half in _sharing_halves(order))
    ways = [[one.piece for one in order] for order in orders]
    ways += [[joined([one.piece for one in side], CROSSED) for side in half] for half in halves]
    return [[replace(way[0], cut=0.0), *way[1:]] for way in ways]


def _sharing_halves(
    order: Sequence[Segment],
) -> Iterator[tuple[frozenset[Segment], frozenset[Segment]]]:
    """Give the ways to divide segments in two where a link belongs to both sides."""
    for at in range(1, len(order)):
        left, right = order[:at], order[at:]
        to_left, to_right = _links_to(left, right), _links_to(right, left)
        if to_left or to_right:
            yield frozenset([*left, *to_left]), frozenset([*right, *to_right])


def _links_to(side: Sequence[Segment], others: Sequence[Segment]) -> list[Segment]:
    """Return the links among the others that begin and end where one side's segments do."""
    reached = frozenset[int]().union(*(one.joints for one in side))
    return [one for one in others if one.link and one.joints <= reached]


def segments_of(piece: InkPiece, height: float) -> list[Segment]:
    """Return the strokes of a patch of ink, divided where they meet; none if there are too many.

    Args:
        piece: the patch.
        height: of the digits in its line, in pixels of the ink.
    """
    rows, columns = piece.ink.shape
    scale = ROWS / max(height, rows)
    size = max(3, round(columns * scale)), max(3, round(rows * scale))
    small = np.asarray(cv2.resize(piece.ink, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    pen = max(1.5, pen_width(small))
    if pen > BLOT * ROWS:
        return []
    courses = _courses(skeleton_of(small >= INK_LEVEL * small.max()), pen)
    if not 2 <= len(courses) <= MAX_SEGMENTS:
        return []
    inks = _shared_out(piece.ink, [course.line for course in courses], REACH * pen)
    return [
        Segment(part, course.joints, len(course.joints) == 2 and course.length <= LINK * ROWS)
        for ink, course in zip(inks, courses, strict=True)
        if (part := cropped(piece, ink, CROSSED)) is not None
    ]


def _courses(skeleton: Mask, pen: float) -> list[_Course]:
    """Return the middle lines between joints, without what is shorter than the pen is wide."""
    near = 2 * max(1, round(JOINT * pen)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (near, near))
    meeting = (branches_at(skeleton) >= 3).astype(np.uint8)
    _, joints = cv2.connectedComponents(cv2.dilate(meeting, disc))
    free = (skeleton & (joints == 0)).astype(np.uint8)
    count, labels = cv2.connectedComponents(free)
    found = [_course(labels == at, skeleton, joints) for at in range(1, count)]
    return [one for one in found if one.length >= SPUR * pen or len(one.joints) > 1]


def _course(own: Mask, skeleton: Mask, joints: npt.NDArray[Any]) -> _Course:
    beside = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    ends = frozenset(np.unique(joints[beside]).tolist()) - {0}
    line = own | (skeleton & np.isin(joints, list(ends)))
    return _Course(line, ends, int(np.count_nonzero(own)))


def _shared_out(ink: Ink, lines: Sequence[Mask], reach: float) -> list[Ink]:
    """Return the ink of each line: all that is nearest to it, and what its pen reached.

    Args:
        ink: uint8 (height, width).
        lines: bool (rows, columns), of a smaller picture of the ink.
        reach: from a line to the edges of its stroke, in pixels of the smaller picture.
    """
    away = [
        cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for line in lines
    ]
    within = [cv2.resize(far, ink.shape[::-1], interpolation=cv2.INTER_LINEAR) for far in away]
    limit = np.maximum(np.min(within, axis=0), reach)
    return [np.where(far <= limit, ink, 0).astype(np.uint8) for far in within]
