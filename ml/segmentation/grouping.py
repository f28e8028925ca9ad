"""Which neighbouring pieces make a digit together: the reading with the best total score.

Over-segmentation and a best path through it, as R. G. Casey and E. Lecolinet describe ("A survey
of methods and strategies in character segmentation", 1996): every run of neighbours is a
candidate, the judge says how much it looks like a digit, its place says how much it stands like
one, and dynamic programming finds the runs whose scores add up to most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ml.preprocessing import NoInkError
from ml.segmentation.layout import (
    Box,
    FoundDigit,
    Judge,
    shared_height,
    shared_width,
    union,
)
from ml.segmentation.pieces import Piece

P = TypeVar("P", bound=Piece)

SURE = 0.8
"""What looks so much like one digit is not taken apart to see whether it might be two: 98 in 100
digits do, and 2 to 3 in 100 pairs that touch. A slashed zero would fall apart into a 1 and a 7."""

MAX_PIECES = 9
"""Pieces of one digit; three strokes are the most that is common, cut ones have more parts."""

MAX_WIDTH = 2.0
"""A digit is no wider than this many times the height of its line."""

MAX_GAP = 0.45
"""Pieces of a digit stand no further apart than this part of the height of their line."""

LOOK_WEIGHT = 2.0
"""What a look weighs beside the place: the models are surer than where writers put their digits."""

LABEL_WEIGHT = 0.5
"""What doubt about which digit it is weighs, beside doubt whether it is any."""

LEAST_PROBABILITY = 1e-4
"""No single candidate may sink a whole reading."""

# Log-odds against ways of standing that digits do not have.
GAP_COST = 3.0
"""For each line height between neighbouring pieces of one digit."""
OVERLAP_COST = 3.0
"""For a neighbour that stands wholly over a digit, such as the bar of a slashed zero."""
OVERLAP_POWER = 6
"""Of the shared part of the width: digits in haste stand two thirds over each other for little."""
NARROW = 0.3
"""Part of the line's height: a narrower digit may stand over its neighbour's edge for nothing, as
a one does that touches a zero."""
LOW_COST = 2.0
"""For a digit of next to no height; nothing from `LOW` of its line's height on."""
LOW = 0.55
WIDE_COST = 1.5
"""For each line height of width beyond `WIDE`."""
WIDE = 0.9
APART_COST = 2.0
"""For a neighbour that does not stand beside a digit, but higher or lower."""
DIGIT_COST = 0.1
"""For each digit: what might be one is one."""
UNJUDGED_COST = 0.8
"""The same where nobody says what looks like a digit: only a wide gap divides then."""
CUT_COST = 0.1
"""For each width of the pen that is cut through between two digits."""


@dataclass(frozen=True)
class Craft(Generic[P]):
    """What can be done with pieces of one kind.

    Attributes:
        digit_of: makes one digit of some of them; may raise NoInkError.
        ways_to_cut: divides one of them in different ways, in a line of digits of the height
            given; the first is taken where nobody can tell which one is best.
    """

    digit_of: Callable[[Sequence[P]], FoundDigit]
    ways_to_cut: Callable[[P, float], list[list[P]]]


@dataclass(frozen=True)
class _Candidate:
    """Pieces taken as one digit, and the logarithm of how likely it looks like one."""

    digit: FoundDigit | None
    look: float


@dataclass(frozen=True)
class _Run:
    """Neighbours `start` to `end` (exclusive) taken as one digit, and how that scores."""

    start: int
    end: int
    digit: FoundDigit
    look: float
    score: float


@dataclass(frozen=True)
class Found:
    """The digits of a line from left to right, and their total score."""

    digits: list[FoundDigit]
    score: float


@dataclass(frozen=True)
class Line(Generic[P]):
    """One line of writing, to be put together to digits.

    Attributes:
        craft: what can be done with its pieces.
        judge: tells what looks like a digit; None leaves it to how the pieces stand.
        height: of the digits in this line, in the units of the boxes.
    """

    craft: Craft[P]
    judge: Judge | None
    height: float
    _known: dict[frozenset[P], _Candidate] = field(default_factory=dict)

    def read(self, pieces: Sequence[P]) -> Found:
        """Put the pieces together, and cut where they do not look like digits.

        Args:
            pieces: in the order in which they stand; a digit takes neighbours.
        """
        score, path = self._best_path(pieces)
        finer = self._cut(pieces, path)
        if len(finer) > len(pieces):
            score, path = self._best_path(finer)
        return Found([run.digit for run in path], score)

    def read_count(self, pieces: Sequence[P], count: int) -> Found | None:
        """Put the pieces together to exactly so many digits; None where that cannot be.

        Args:
            pieces: in the order in which they stand; any of them may be cut.
            count: how many digits there are.
        """
        ways = [self._best_path(parts, count) for parts in (pieces, *self._finer(pieces))]
        score, path = max(ways, key=lambda way: way[0])
        return Found([run.digit for run in path], score) if path else None

    def halves(self, pieces: Sequence[P]) -> list[FoundDigit]:
        """Put the pieces together to exactly two digits.

        Raises:
            ValueError: they cannot be divided.
        """
        ways = [self._halves(parts) for parts in self._finer(pieces)]
        best = max((half for way in ways for half in way), key=lambda half: half[0], default=None)
        if best is None:
            raise ValueError("There is nothing to cut in this box: its ink is one piece.")
        return best[1]

    def _halves(self, parts: Sequence[P]) -> list[tuple[float, list[FoundDigit]]]:
        """Return all ways to make two digits of parts, with their scores."""
        ways = [[(0, at), (at, len(parts))] for at in range(1, len(parts))]
        self._judge([tuple(parts[slice(*half)]) for way in ways for half in way])
        runs = [[run for half in way if (run := self._run(parts, *half))] for way in ways]
        return [
            (self._total(way, parts), [run.digit for run in way]) for way in runs if len(way) == 2
        ]

    def _finer(self, pieces: Sequence[P]) -> list[list[P]]:
        """Return the pieces, all cut, in each of the ways in which that can be done."""
        ways = [self.craft.ways_to_cut(piece, self.height) for piece in pieces]
        most = max(map(len, ways)) if self.judge else 1
        return [[part for way in ways for part in way[min(at, len(way) - 1)]] for at in range(most)]

    def _cut(self, pieces: Sequence[P], path: Sequence[_Run]) -> list[P]:
        """Divide the pieces of digits that do not look like any."""
        finer: list[P] = []
        for run in path:
            members = pieces[run.start : run.end]
            doubtful = self.judge and run.look < np.log(SURE)
            for piece in members:
                finer += self._best_cut(piece) if doubtful else [piece]
        return finer

    def _best_cut(self, piece: P) -> list[P]:
        """Return the parts of a piece, divided in the way that reads best by itself."""
        ways = self.craft.ways_to_cut(piece, self.height)
        self._judge([tuple(way[slice(*span)]) for way in ways for span in self._spans(way)])
        return max(ways, key=lambda way: self._best_path(way)[0])

    def _best_path(self, pieces: Sequence[P], count: int | None = None) -> tuple[float, list[_Run]]:
        """Return the runs that cover all pieces with the best total score.

        Args:
            pieces: in the order in which they stand.
            count: of the runs; where there are no so many, none and minus infinity are returned.
        """
        spans = self._spans(pieces)
        self._judge([tuple(pieces[start:end]) for start, end in spans])
        best: list[list[tuple[float, list[_Run]]]] = [[(0.0, [])]]
        for end in range(1, len(pieces) + 1):
            ways = []
            for start in (start for start, stop in spans if stop == end):
                run = self._run(pieces, start, end)
                if run is None:
                    continue
                for score, path in best[start]:
                    joint = self._joint(path[-1], run, pieces) if path else 0.0
                    ways.append((score + run.score + joint, [*path, run]))
            # A piece too faint to be seen belongs to no digit.
            ways = ways or best[end - 1]
            best.append(_kept(ways, count))
        last = [way for way in best[-1] if count in (None, len(way[1]))]
        return last[0] if last else (-np.inf, [])

    def _spans(self, pieces: Sequence[P]) -> list[tuple[int, int]]:
        """Return the runs of neighbours that may be a digit; each piece by itself is one."""
        spans = []
        for start in range(len(pieces)):
            for end in range(start + 1, min(len(pieces), start + MAX_PIECES) + 1):
                boxes = [piece.box for piece in pieces[start:end]]
                if len(boxes) == 1 or self._may_be_one(boxes):
                    spans.append((start, end))
        return spans

    def _may_be_one(self, boxes: Sequence[Box]) -> bool:
        narrow = union(boxes)[2] <= MAX_WIDTH * self.height
        return narrow and widest_gap(boxes) <= MAX_GAP * self.height

    def _judge(self, groups: Sequence[tuple[P, ...]]) -> None:
        """Have all groups judged that were not yet, at once."""
        new = {frozenset(group): group for group in groups if frozenset(group) not in self._known}
        made = {key: digit for key, group in new.items() if (digit := self._made(group))}
        for key in new:
            self._known[key] = _Candidate(made.get(key), 0.0)
        if not made or self.judge is None:
            return
        probabilities = self.judge(np.stack([digit.picture for digit in made.values()]))
        for (key, digit), look in zip(made.items(), _looks(probabilities), strict=True):
            self._known[key] = _Candidate(digit, float(look))

    def _made(self, group: Sequence[P]) -> FoundDigit | None:
        try:
            return self.craft.digit_of(group)
        except NoInkError:
            return None

    def _run(self, pieces: Sequence[P], start: int, end: int) -> _Run | None:
        members = pieces[start:end]
        known = self._known[frozenset(members)]
        if known.digit is None:
            return None
        stands = self._stands([piece.box for piece in members])
        return _Run(start, end, known.digit, known.look, LOOK_WEIGHT * known.look + stands)

    def _stands(self, boxes: Sequence[Box]) -> float:
        """Score how some pieces stand, as one digit in a line of this height."""
        box = union(boxes)
        low = max(0.0, LOW - box[3] / self.height) / LOW
        wide = max(0.0, box[2] / self.height - WIDE)
        gap = widest_gap(boxes) / self.height
        digit = DIGIT_COST if self.judge else UNJUDGED_COST
        return -(digit + GAP_COST * gap + LOW_COST * low + WIDE_COST * wide)

    def _joint(self, left: _Run, right: _Run, pieces: Sequence[P]) -> float:
        """Score how two digits stand beside each other."""
        one, other = left.digit.box, right.digit.box
        shared = shared_width(one, other, narrow=NARROW * self.height)
        apart = 1 - shared_height(one, other)
        cut = pieces[right.start].cut
        return -(OVERLAP_COST * shared**OVERLAP_POWER + APART_COST * apart + CUT_COST * cut)

    def _total(self, runs: Sequence[_Run], pieces: Sequence[P]) -> float:
        left, right = runs
        return left.score + right.score + self._joint(left, right, pieces)


def _kept(
    ways: Sequence[tuple[float, list[_Run]]], most: int | None
) -> list[tuple[float, list[_Run]]]:
    """Return the best ways, best first; of each length up to `most` if that matters."""
    ordered = sorted(ways, key=lambda way: -way[0])
    if most is None:
        return ordered[:MAX_PIECES]
    lengths = [[way for way in ordered if len(way[1]) == length] for length in range(most + 1)]
    best = [way for same in lengths for way in same[:MAX_PIECES]]
    return sorted(best, key=lambda way: -way[0])


def _looks(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Score how much pictures look like a digit, given the judge's float64 (n, 11).

    To be no digit speaks against a candidate with its whole weight; to be one that might be a
    four as well as a nine does with half of it.
    """
    digit = np.maximum(1 - probabilities[:, -1], LEAST_PROBABILITY)
    best = np.maximum(probabilities[:, :-1].max(axis=1), LEAST_PROBABILITY)
    return np.asarray(np.log(digit) + LABEL_WEIGHT * np.log(np.minimum(best / digit, 1.0)))


def widest_gap(boxes: Sequence[Box]) -> float:
    """Return the widest stretch from left to right in which there is none of the boxes."""
    ordered = sorted(boxes)
    reached, widest = ordered[0][0] + ordered[0][2], 0.0
    for x, _, width, _ in ordered:
        widest = max(widest, x - reached)
        reached = max(reached, x + width)
    return widest
