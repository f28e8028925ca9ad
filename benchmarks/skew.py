"""How numbers are read that stand askew: one line of digits, several lines, the whole page turned.

    INKLING_BENCH_DATA=DIR .venv/bin/python -m benchmarks.skew [--count N] [--final]
        [--degrees D …]

Single digits are turned, clockwise for positive angles, and read as they stand; and with their
slant removed. Digits that one writer wrote are put in rows and turned, and read as any picture is.
Lines that climb though their digits stand upright, as some people write, are measured beside them.
A third of the writers are kept for the final figure.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.numbers import (
    MAX_PIXELS,
    Drawing,
    Models,
    Number,
    Sample,
    Score,
    from_strokes,
    in_a_row,
    load,
    some_numbers,
    text_of,
)
from benchmarks.paper import KINDS, Kind, Page
from ml import bundle, images, reading
from ml.bundle import FAMILIES, PRETRAINED
from ml.preprocessing import Ink, prepare
from ml.runtime import Recogniser
from ml.segmentation import FoundDigit, Judge, digits_in_ink
from ml.strokes import render

DEGREES = (0.0, 3.0, -3.0, 6.0, -6.0, 10.0, -10.0, 15.0, -15.0)
NUM_LINES, SHORTEST_LINE, LONGEST_LINE = 4, 2, 8
LINE_SPACING = (1.4, 2.0)
"""From one line to the next, in heights of the digits."""
PAGE_SIZE, DIGIT_PIXELS = (1100, 825), (60, 140)
"""Width and height of a page, and heights of the digits where there is room, in pixels."""

STEEPEST_LEAN = 0.6
"""Nobody's digits lean further; a lying one is no leaning one."""

Way = Callable[[Number, float, np.random.Generator, Judge], list[FoundDigit]]
"""Finds the digits of a number that is turned by so many degrees."""


def turned(number: Number, degrees: float) -> Number:
    """Return a number turned as a whole."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _moved(number, np.array([[cos, -sin], [sin, cos]]))


def climbing(number: Number, degrees: float) -> Number:
    """Return a number whose line is turned though its digits stay upright."""
    return _moved(number, np.array([[1, 0], [np.tan(np.radians(degrees)), 1]]))


def _moved(number: Number, matrix: np.ndarray) -> Number:
    digits = [[stroke @ matrix.T for stroke in digit] for digit in number.digits]
    return Number(number.text, digits)


def some_pages(
    writers: dict[str, list[Sample]], count: int, generator: np.random.Generator
) -> list[Number]:
    """Return pages of several lines of digits."""
    names = sorted(writers)
    return [_page(writers[names[generator.integers(len(names))]], generator) for _ in range(count)]


def _page(own: Sequence[Sample], generator: np.random.Generator) -> Number:
    texts: list[str] = []
    digits: list[Drawing] = []
    down = 0.0
    for _ in range(NUM_LINES):
        chosen = generator.integers(0, len(own), generator.integers(SHORTEST_LINE, LONGEST_LINE))
        line = in_a_row([own[at] for at in chosen], generator)
        points = np.concatenate(line.strokes)
        place = np.array([-points[:, 0].min(), down - points[:, 1].mean()])
        digits += [[stroke + place for stroke in digit] for digit in line.digits]
        texts.append(line.text)
        height = np.median([np.ptp(np.concatenate(digit)[:, 1]) for digit in line.digits])
        down += generator.uniform(*LINE_SPACING) * float(height)
    return Number("\n".join(texts), digits)


def written(number: Number, generator: np.random.Generator) -> Page:
    """Place a number, or lines of them, somewhere on a page, at some size."""
    points = np.concatenate(number.strokes)
    low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1.0)
    upright = np.median([np.ptp(np.concatenate(digit)[:, 1]) for digit in number.digits])
    digit = generator.uniform(*DIGIT_PIXELS)
    room = 0.9 * np.array(PAGE_SIZE)
    scale = min(digit / max(float(upright), 1.0), *(room / size))
    corner = 0.05 * np.array(PAGE_SIZE) + generator.uniform(0, 1, 2) * (room - scale * size)
    moved = [(stroke - low) * scale + corner for stroke in number.strokes]
    return Page(moved, PAGE_SIZE[1], PAGE_SIZE[0], scale * float(upright))


def askew_on(kind: Kind, turn: Callable[[Number, float], Number] = turned) -> Way:
    """Return what finds digits that were written askew on a page of a kind."""

    def find(
        number: Number, degrees: float, generator: np.random.Generator, judge: Judge
    ) -> list[FoundDigit]:
        page = written(turn(number, degrees), generator)
        photo = images.decode(kind(page, generator), max_pixels=MAX_PIXELS)
        return digits_in_ink(photo.ink, photo.scale, judge)

    return find


def page_turned(kind: Kind) -> Way:
    """Return what finds digits on a page of a kind that was photographed askew, rules and all."""

    def find(
        number: Number, degrees: float, generator: np.random.Generator, judge: Judge
    ) -> list[FoundDigit]:
        page = kind(written(number, generator), generator)
        seen = images.decode(page, max_pixels=MAX_PIXELS).grey
        photo = images.decode(images.to_png(turned_page(seen, degrees)), max_pixels=MAX_PIXELS)
        return digits_in_ink(photo.ink, photo.scale, judge)

    return find


def turned_page(grey: Ink, degrees: float) -> Ink:
    """Return a page turned about its middle, uint8; its rim goes on beyond its edges."""
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    size = np.ceil(np.abs(turn[:, :2]) @ (width, height)).astype(int)
    turn[:, 2] += (size - (width, height)) / 2
    whole = cv2.warpAffine(
        grey, turn, size.tolist(), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(whole, dtype=np.uint8)


def strokes_askew(
    number: Number, degrees: float, generator: np.random.Generator, judge: Judge
) -> list[FoundDigit]:
    """Find digits that were drawn askew."""
    return from_strokes(turned(number, degrees), judge)


def without_slant(drawing: Drawing) -> Drawing:
    """Return a digit sheared so that its ink leans to neither side, by its second moments."""
    moments = cv2.moments(render(drawing))
    lean = np.clip(moments["mu11"] / max(moments["mu02"], 1e-9), -STEEPEST_LEAN, STEEPEST_LEAN)
    return [stroke - np.outer(stroke[:, 1], [lean, 0.0]) for stroke in drawing]


def singles_table(samples: Sequence[Sample], degrees: Sequence[float], models: Models) -> Table:
    """Return how single digits are read as they stand, by angle, and without their slant."""
    table = Table("degrees", "answer", "cnn", "refused", title=f"{len(samples):,} single digits")
    for angle in degrees:
        drawings = [turned(Number("", [one.strokes]), angle).digits[0] for one in samples]
        table.add_row(f"{angle:+.0f}", *_right(drawings, samples, models))
    upright = [without_slant(one.strokes) for one in samples]
    table.add_row("slant removed", *_right(upright, samples, models))
    return table


def _right(drawings: Sequence[Drawing], samples: Sequence[Sample], models: Models) -> list[str]:
    pictures = np.array([prepare(render(one)) for one in drawings])
    answers = reading.read_digits(pictures, models)
    pairs = list(zip(answers, samples, strict=True))
    parts = (
        [answer.alternatives[0].label == sample.label for answer, sample in pairs],
        [answer.models["cnn"].label == sample.label for answer, sample in pairs],
        [answer.label is None for answer in answers],
    )
    return [f"{np.mean(part):.2%}" for part in parts]


LINES: dict[str, Way] = {
    "strokes": strokes_askew,
    "scan": askew_on(KINDS["clean scan"]),
    "climbing, scan": askew_on(KINDS["clean scan"], climbing),
    "slanting light": page_turned(KINDS["slanting light, coloured ink"]),
    "ruled paper": page_turned(KINDS["ruled paper"]),
}
PAGES: dict[str, Way] = {
    "strokes": strokes_askew,
    "scan": askew_on(KINDS["clean scan"]),
    "slanting light": page_turned(KINDS["slanting light, coloured ink"]),
}


def measured(
    numbers: Sequence[Number], ways: dict[str, Way], degrees: float, models: Models
) -> list[Score]:
    """Read numbers in all ways at one angle; each angle has the same pages."""
    judge = reading.judge(models)
    scores = []
    for name, way in ways.items():
        generator = np.random.default_rng(2)
        read = [
            (text_of(way(number, degrees, generator, judge), models), number.text)
            for number in track(numbers, f"{name}, {degrees:+.0f}°", transient=True)
        ]
        scores.append(Score.of(read, 0.0))
    return scores


def table_of(
    title: str,
    numbers: Sequence[Number],
    ways: dict[str, Way],
    degrees: Sequence[float],
    models: Models,
) -> Table:
    """Return how many are read right as a whole, by angle and way."""
    table = Table("degrees", *ways, title=title)
    for angle in degrees:
        scores = measured(numbers, ways, angle, models)
        table.add_row(f"{angle:+.0f}", *(f"{score.whole:.1%}" for score in scores))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=60, help="numbers for each figure")
    parser.add_argument("--degrees", type=float, nargs="+", default=DEGREES)
    parser.add_argument("--final", action="store_true", help="the kept writers' digits")
    options = parser.parse_args(arguments)
    folder = os.environ.get("INKLING_BENCH_DATA")
    if not folder:
        parser.error("INKLING_BENCH_DATA must name the folder with ink-dev.jsonl.gz.")
    models: Models = {family: Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES}
    writers = load(Path(folder) / "ink-dev.jsonl.gz", final=options.final)
    console = Console(width=110)
    samples = [sample for name in sorted(writers) for sample in writers[name]]
    console.print(singles_table(samples, options.degrees, models))
    numbers = some_numbers(writers, options.count, np.random.default_rng(1))
    title = f"{options.count} numbers of 2–6 digits, turned: the whole right"
    console.print(table_of(title, numbers, LINES, options.degrees, models))
    pages = some_pages(writers, max(1, options.count // 3), np.random.default_rng(1))
    title = f"{len(pages)} pages of {NUM_LINES} lines, turned: every digit right"
    console.print(table_of(title, pages, PAGES, options.degrees, models))


if __name__ == "__main__":
    main()
