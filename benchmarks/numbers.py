"""How whole numbers are read: from strokes, on paper, and where their digits touch.

    INKLING_BENCH_DATA=DIR .venv/bin/python -m benchmarks.numbers [--count N] [--final]

Digits that one writer wrote are put in a row. A third of the writers, some kinds of paper and one
way of touching are kept for the final figure: they are counted with `--final` alone.

Every kind of paper gets numbers and single digits of its own, dealt by a fixed seed. If all had the
same 80 digits, two that no model can read would cost every paper 2.5 points, and the mean over the
papers would be no surer than any one of them. Beside each figure stands what the very same digits
give when each is cut out by hand, as it was drawn: what is lost between the two was lost on paper.
Intervals are for digits drawn at random from these writers; other writers may differ by more.
"""

import argparse
import gzip
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.paper import FINAL_KINDS, KINDS, Kind, laid_out
from benchmarks.recognition import is_final
from ml import bundle, images, reading
from ml.bundle import FAMILIES, PRETRAINED, Family
from ml.preprocessing import prepare
from ml.runtime import Recogniser
from ml.segmentation import FoundDigit, Judge, digits_in_ink, digits_in_strokes
from ml.strokes import Stroke, render

MAX_PIXELS = 50_000_000
Drawing = list[Stroke]
Models = dict[Family, Recogniser]
Finder = Callable[["Number", Judge], list[FoundDigit]]


@dataclass(frozen=True, eq=False)
class Sample:
    """A digit that somebody wrote."""

    label: int
    strokes: Drawing


@dataclass(frozen=True, eq=False)
class Number:
    """Digits of one writer in a row, left to right."""

    text: str
    digits: list[Drawing]

    @property
    def strokes(self) -> Drawing:
        """The strokes of all digits, in the order of writing."""
        return [stroke for digit in self.digits for stroke in digit]


def load(file: Path, *, final: bool) -> dict[str, list[Sample]]:
    """Return the digits of each writer that may be looked at, or of those kept for the end."""
    writers: dict[str, list[Sample]] = defaultdict(list)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if is_final(row["writer"]) == final:
                strokes = [np.array(stroke, float) for stroke in row["strokes"]]
                writers[row["writer"]].append(Sample(int(row["label"]), strokes))
    return dict(writers)


def in_a_row(samples: Sequence[Sample], generator: np.random.Generator) -> Number:
    """Put digits beside each other as in quick writing: on a wavy line, with uneven gaps.

    One gap in eight is so narrow that strokes touch or overlap.
    """
    height = float(np.median([np.ptp(np.concatenate(one.strokes)[:, 1]) for one in samples]))
    usual = generator.uniform(0.1, 0.3) * height
    x, digits = 0.0, []
    for sample in samples:
        points = np.concatenate(sample.strokes)
        low, high = points.min(axis=0), points.max(axis=0)
        down = -(high[1] + low[1]) / 2 + generator.normal(0, 0.06) * height
        place = np.array([x - low[0], down])
        digits.append([stroke + place for stroke in sample.strokes])
        tight = generator.random() < 1 / 8
        gap = (
            generator.uniform(-0.1, 0.05) * height if tight else usual * generator.uniform(0.5, 1.6)
        )
        x += float(high[0] - low[0]) + gap
    return Number("".join(str(sample.label) for sample in samples), digits)


def some_numbers(
    writers: dict[str, list[Sample]], count: int, generator: np.random.Generator
) -> list[Number]:
    """Return numbers of two to six digits."""
    names = sorted(writers)
    numbers = []
    for _ in range(count):
        own = writers[names[generator.integers(len(names))]]
        chosen = generator.integers(0, len(own), generator.integers(2, 7))
        numbers.append(in_a_row([own[at] for at in chosen], generator))
    return numbers


def _cover(strokes: Drawing, size: tuple[int, int], pen: int) -> np.ndarray:
    ink = np.zeros(size, np.uint8)
    for stroke in strokes:
        fixed = np.rint(stroke * 16).astype(np.int32)
        fixed = fixed if len(fixed) > 1 else np.repeat(fixed, 2, axis=0)
        cv2.polylines(ink, [fixed], False, 255, pen, cv2.LINE_AA, 4)
    return ink


def _pushed(number: Number, deeper: float) -> Number:
    """Push the second digit leftwards until its ink meets the first one's, and on a little."""
    left, right = number.digits
    height = float(np.ptp(np.concatenate(left + right)[:, 1]))
    low = np.concatenate(left + right).min(axis=0) - 20
    left, right = [s - low for s in left], [s - low for s in right]
    width, depth = (int(side) + 40 for side in np.concatenate(left + right).max(axis=0))
    size = depth, width
    pen = max(2, round(0.06 * height))
    still = _cover(left, size, pen)
    for step in range(width):
        moved = [stroke - np.array([step, 0]) for stroke in right]
        if (still & _cover(moved, size, pen)).any():
            return Number(number.text, [left, [s - np.array([deeper * height, 0]) for s in moved]])
    return number


def meeting(number: Number, generator: np.random.Generator) -> Number:
    """The second digit just touches the first."""
    return _pushed(number, 0.01)


def overlapping(number: Number, generator: np.random.Generator) -> Number:
    """The second digit reaches into the first."""
    return _pushed(number, generator.uniform(0.03, 0.1))


def linked(number: Number, generator: np.random.Generator) -> Number:
    """The pen stays on the paper from one digit to the next."""
    left, right = number.digits
    joined = [*left[:-1], np.concatenate([left[-1], right[0]]), *right[1:]]
    return Number(number.text, [joined])


WAYS = {"meeting": meeting, "overlapping": overlapping}
FINAL_WAYS = {"linked": linked}


@dataclass(frozen=True)
class Score:
    """How many numbers were read right as a whole, and how many had the right count."""

    whole: float
    count: float
    seconds: float
    num: int

    @classmethod
    def of(cls, read: Sequence[tuple[str, str]], seconds: float) -> "Score":
        """Compare pairs of what was read and what is right."""
        whole = np.mean([found == right for found, right in read])
        count = np.mean([len(found.replace("\n", "")) == len(right) for found, right in read])
        return cls(float(whole), float(count), seconds / len(read), len(read))

    @classmethod
    def mean(cls, scores: Sequence["Score"]) -> "Score":
        """Return the score of all numbers together, of which each score has as many."""
        whole, count, seconds = (
            float(np.mean([getattr(score, name) for score in scores]))
            for name in ("whole", "count", "seconds")
        )
        return cls(whole, count, seconds, sum(score.num for score in scores))

    @property
    def interval(self) -> tuple[float, float]:
        """Between what `whole` lies, 95 times in 100."""
        return wilson_interval(self.whole, self.num)

    def cells(self, alone: float, power: float) -> list[str]:
        """Return the cells of a table, beside what `each_alone` says of the same numbers."""
        low, high = self.interval
        return [
            f"{self.whole:.1%}",
            f"{low:.1%}–{high:.1%}",
            f"{alone:.1%}",
            f"{power:.1%}",
            f"{self.count:.1%}",
            f"{self.seconds * 1000:.0f} ms",
        ]


def wilson_interval(part: float, num: int) -> tuple[float, float]:
    """Return the 95 % interval of a part seen in `num` cases, both 0..1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927:
    unlike the usual one it holds near 0 and 1 too.
    """
    z = 1.96
    middle = (part + z**2 / (2 * num)) / (1 + z**2 / num)
    half = z * np.sqrt(part * (1 - part) / num + z**2 / (4 * num**2)) / (1 + z**2 / num)
    return float(middle - half), float(middle + half)


def text_of(found: Sequence[FoundDigit], models: Models) -> str:
    """Return the reading of found digits, lines joined."""
    if not found:
        return ""
    answers = reading.read_digits(np.stack([one.picture for one in found]), models)
    lines: dict[int, str] = defaultdict(str)
    for one, answer in zip(found, answers, strict=True):
        best = answer.alternatives[0].label
        lines[one.line] += str(best if answer.label is None else answer.label)
    return "\n".join(lines[line] for line in sorted(lines))


def from_strokes(number: Number, judge: Judge) -> list[FoundDigit]:
    """Find the digits as in a drawing."""
    points = np.concatenate(number.strokes)
    width, height = np.ptp(points, axis=0) + 100
    return digits_in_strokes(number.strokes, width, height, judge)


def from_paper(kind: Kind, generator: np.random.Generator) -> Finder:
    """Return what finds the digits on paper of a kind."""

    def find(number: Number, judge: Judge) -> list[FoundDigit]:
        photo = images.decode(
            kind(laid_out(number.strokes, generator), generator), max_pixels=MAX_PIXELS
        )
        return digits_in_ink(photo.ink, photo.scale, judge)

    return find


def each_alone(numbers: Sequence[Number], models: Models) -> tuple[float, float]:
    """Return how many numbers would be right if nobody had to find their digits.

    Returns:
        That part, and the mean of (single-digit accuracy) to the power of the number's length.
    """
    pictures = np.array([prepare(render(digit)) for number in numbers for digit in number.digits])
    right = np.array([int(c) for number in numbers for c in number.text])
    said = np.array([a.alternatives[0].label for a in reading.read_digits(pictures, models)])
    ends = np.cumsum([len(number.text) for number in numbers])
    whole = [part.all() for part in np.split(said == right, ends[:-1])]
    power = np.mean([(said == right).mean() ** len(number.text) for number in numbers])
    return float(np.mean(whole)), float(power)


def dealt_singles(
    writers: dict[str, list[Sample]], num_hands: int, count: int, generator: np.random.Generator
) -> list[list[Number]]:
    """Deal single digits, as numbers of one: each hand gets others while there are enough."""
    pool = [sample for name in sorted(writers) for sample in writers[name]]
    dealt = np.resize(generator.permutation(len(pool)), (num_hands, count))
    return [[Number(str(pool[at].label), [pool[at].strokes]) for at in hand] for hand in dealt]


@dataclass(frozen=True)
class Bench:
    """What is measured with what.

    Attributes:
        writers: the digits of each.
        models: what reads.
        count: numbers for each row.
        final: whether what was kept for the end is measured too.
    """

    writers: dict[str, list[Sample]]
    models: Models
    count: int
    final: bool

    @property
    def finders(self) -> dict[str, Finder]:
        """Return what finds digits in strokes and on each kind of paper."""
        kinds = KINDS | (FINAL_KINDS if self.final else {})
        papers = {name: from_paper(kind, np.random.default_rng(2)) for name, kind in kinds.items()}
        return {"strokes": from_strokes, **papers}

    def measured(self, numbers: Sequence[Number], find: Finder) -> Score:
        """Read numbers one by one."""
        judge = reading.judge(self.models)
        read, seconds = [], 0.0
        for number in numbers:
            began = time.perf_counter()
            found = find(number, judge)
            seconds += time.perf_counter() - began
            read.append((text_of(found, self.models), number.text))
        return Score.of(read, seconds)

    def add_numbers(self, table: Table) -> None:
        """Measure numbers of two to six digits."""
        generator = np.random.default_rng(1)
        hands = [some_numbers(self.writers, self.count, generator) for _ in self.finders]
        self._add_rows(table, "2–6 digits", hands)

    def add_singles(self, table: Table) -> None:
        """Measure single digits."""
        generator = np.random.default_rng(3)
        hands = dealt_singles(self.writers, len(self.finders), 2 * self.count, generator)
        self._add_rows(table, "one digit", hands)

    def _add_rows(self, table: Table, what: str, hands: Sequence[Sequence[Number]]) -> None:
        """Measure each way of finding digits with numbers of its own, and all papers together."""
        papers: list[Score] = []
        on_paper: list[Number] = []
        for (name, find), numbers in zip(self.finders.items(), hands, strict=True):
            score = self.measured(numbers, find)
            self._add_row(table, f"{what}, {name}", numbers, score)
            if find is not from_strokes:
                papers.append(score)
                on_paper += numbers
        self._add_row(table, f"{what}, paper, mean", on_paper, Score.mean(papers))
        table.add_section()

    def _add_row(self, table: Table, what: str, numbers: Sequence[Number], score: Score) -> None:
        table.add_row(what, *score.cells(*each_alone(numbers, self.models)))

    def add_pairs(self, table: Table) -> None:
        """Measure two digits that touch."""
        generator = np.random.default_rng(4)
        pairs = some_pairs(self.writers, self.count, generator)
        scan = from_paper(KINDS["clean scan"], np.random.default_rng(5))
        for name, way in (WAYS | (FINAL_WAYS if self.final else {})).items():
            touching = [way(pair, generator) for pair in pairs]
            for where, find in (("strokes", from_strokes), ("clean scan", scan)):
                score = self.measured(touching, find)
                self._add_row(table, f"{name} pairs, {where}", pairs, score)


def some_pairs(
    writers: dict[str, list[Sample]], count: int, generator: np.random.Generator
) -> list[Number]:
    """Return numbers of two digits."""
    names = sorted(writers)
    pairs = []
    for _ in range(count):
        own = writers[names[generator.integers(len(names))]]
        pairs.append(in_a_row([own[at] for at in generator.integers(0, len(own), 2)], generator))
    return pairs


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="numbers for each row")
    parser.add_argument("--models", type=Path, default=PRETRAINED)
    parser.add_argument("--final", action="store_true", help="what was kept for the end")
    options = parser.parse_args(arguments)
    folder = os.environ.get("INKLING_BENCH_DATA")
    if not folder:
        parser.error("INKLING_BENCH_DATA must name the folder with ink-dev.jsonl.gz.")
    models: Models = {
        family: Recogniser(bundle.load(options.models / family)) for family in FAMILIES
    }
    writers = load(Path(folder) / "ink-dev.jsonl.gz", final=options.final)
    bench = Bench(writers, models, options.count, options.final)
    columns = "numbers", "whole right", "95 %", "by hand", "(one digit)ⁿ", "right count", "each"
    table = Table(*columns, title="Numbers")
    bench.add_numbers(table)
    bench.add_singles(table)
    bench.add_pairs(table)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
