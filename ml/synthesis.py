"""The synthetic writer: digits in styles that MNIST lacks, and shapes that are no digits.

Every way of writing a shape is a template in `ml/data/glyphs.txt`. The writer draws one with a
hand of its own (slant, proportions, roundness, pen) and a tremor in every point, through the same
`ml.strokes.render` and `ml.preprocessing.prepare` that a visitor's drawing goes through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.datasets import NOT_A_DIGIT, NUM_DIGITS, LabelledDigits
from ml.preprocessing import SIDE, Ink, prepare
from ml.strokes import PEN_WIDTH, Stroke, render

GLYPHS_FILE = Path(__file__).parent / "data" / "glyphs.txt"

SAMPLES_PER_SEGMENT = 6
"""Points drawn between two points of a template."""

TREMOR = (1.5, 5.0)
"""Standard deviation of each template point's place, in hundredths of the box: neat to sloppy."""

PEN_WIDTHS = (0.6, 1.7)
"""Pens from a fine liner to a marker, in multiples of the pen that strokes are rendered with."""

TURNABLE, MIRRORABLE = (2, 3, 4, 5, 7), (3, 4, 7)
"""Digits that turned on their side, or mirrored, are nothing one could read."""


@dataclass(frozen=True, eq=False)
class Glyph:
    """One way of writing something.

    Attributes:
        label: 0..9 or `NOT_A_DIGIT`.
        style: `barred`, say; unique within the label.
        weight: how often it is written beside the label's other styles.
        strokes: the template, each a tuple of smooth parts (n, 2) that meet in corners.
    """

    label: int
    style: str
    weight: float
    strokes: tuple[tuple[Stroke, ...], ...]


@lru_cache(maxsize=1)
def glyphs() -> tuple[Glyph, ...]:
    """Read the templates."""
    lines = GLYPHS_FILE.read_text("utf-8").splitlines()
    return tuple(_parse(line) for line in lines if line and not line.startswith("#"))


def _parse(line: str) -> Glyph:
    head, *strokes = line.split("|")
    label, style, weight = head.split()
    number = NOT_A_DIGIT if label == "-" else int(label)
    return Glyph(number, style, float(weight), tuple(map(_parse_stroke, strokes)))


def _parse_stroke(text: str) -> tuple[Stroke, ...]:
    """Cut a stroke at its corners; `0,0 9,0! 9,9` gives two parts that share a point."""
    parts: list[list[list[float]]] = [[]]
    for word in text.split():
        point = [float(number) for number in word.rstrip("!").split(",")]
        parts[-1].append(point)
        if word.endswith("!"):
            parts.append([point])
    return tuple(np.array(part) for part in parts)


def digits(count: int, generator: np.random.Generator) -> LabelledDigits:
    """Return digits by the synthetic writer, each label equally often."""
    labels = generator.permutation(np.arange(count) % NUM_DIGITS)
    pictures = [_picture(_choose(int(label), generator), generator) for label in labels]
    return LabelledDigits(_stack(pictures), labels.astype(np.int64))


def styled(count: int, generator: np.random.Generator) -> dict[str, LabelledDigits]:
    """Return `count` digits of every style, named `7 barred`, to measure style by style."""
    chosen = [glyph for glyph in glyphs() if glyph.label != NOT_A_DIGIT]
    return {
        f"{glyph.label} {glyph.style}": LabelledDigits(
            _stack([_picture(glyph, generator) for _ in range(count)]),
            np.full(count, glyph.label, np.int64),
        )
        for glyph in chosen
    }


def non_digits(
    digits: LabelledDigits, count: int, generator: np.random.Generator
) -> LabelledDigits:
    """Return what should be refused: letters and signs, scribbles, and spoilt digits.

    Args:
        digits: real digits, to be turned, mirrored, cut and laid over each other.
        count: how many to make.
        generator: decides everything; the same one gives the same pictures.
    """
    makers: Mapping[Callable[[], Ink], float] = {
        lambda: _picture(_choose(NOT_A_DIGIT, generator), generator): 0.6,
        lambda: prepare(render(_scribble(generator))): 0.1,
        lambda: _turned(digits, generator): 0.1,
        lambda: _mirrored(digits, generator): 0.08,
        lambda: _overlaid(digits, generator): 0.12,
    }
    chosen = generator.choice(len(makers), count, p=list(makers.values()))
    pictures = [list(makers)[kind]() for kind in chosen]
    return LabelledDigits(_stack(pictures), np.full(count, NOT_A_DIGIT, np.int64))


def _stack(pictures: list[Ink]) -> Ink:
    return np.array(pictures, np.uint8).reshape(-1, SIDE, SIDE)


@lru_cache(maxsize=NUM_DIGITS + 1)
def _styles(label: int) -> tuple[tuple[Glyph, ...], npt.NDArray[np.float64]]:
    chosen = tuple(glyph for glyph in glyphs() if glyph.label == label)
    weights = np.array([glyph.weight for glyph in chosen])
    return chosen, weights / weights.sum()


def _choose(label: int, generator: np.random.Generator) -> Glyph:
    chosen, weights = _styles(label)
    return chosen[generator.choice(len(chosen), p=weights)]


def _picture(glyph: Glyph, generator: np.random.Generator) -> Ink:
    width = PEN_WIDTH * np.exp(generator.uniform(*np.log(PEN_WIDTHS)))
    return prepare(render(write(glyph, generator), pen_width=float(width)))


def write(glyph: Glyph, generator: np.random.Generator) -> list[Stroke]:
    """Draw a template once, with new proportions, a new hand and a new tremor."""
    tremor = generator.uniform(*TREMOR)
    top, widening = np.exp(generator.normal(0, 0.3)), generator.normal(0, 0.3)
    hand = _hand(generator)
    strokes = [_stroke(stroke, tremor, generator) for stroke in glyph.strokes]
    return [_reproportion(stroke, top, widening) @ hand.T for stroke in strokes]


def _reproportion(stroke: Stroke, top: float, widening: float) -> Stroke:
    """Make the upper part taller (top < 1) or flatter, the lower part wider or narrower."""
    y = np.clip(stroke[:, 1] / 100, 0.0, None)
    x = 40 + (stroke[:, 0] - 40) * np.clip(1 + widening * (y - 0.5), 0.5, 1.5)
    return np.stack([x, 100 * y**top], axis=1)


def _hand(generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a 2×2 map: proportions, slant, and a little rotation."""
    wide = np.exp(generator.normal(0, 0.18))
    slant = generator.normal(0.08, 0.18)
    angle = generator.normal(0, 0.08)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation @ np.array([[wide, -slant], [0.0, 1.0]]))


def _stroke(parts: tuple[Stroke, ...], tremor: float, generator: np.random.Generator) -> Stroke:
    """Shift a stroke as a whole and each of its points by itself, then draw it smoothly."""
    whole = generator.normal(0, tremor, 2)
    drawn: list[Stroke] = []
    corner = None
    for part in parts:
        shaken = part + whole + generator.normal(0, tremor, part.shape)
        if corner is not None:
            shaken[0] = corner
        corner = shaken[-1]
        drawn.append(_smooth(shaken))
    return np.concatenate(drawn)


def _smooth(points: Stroke) -> Stroke:
    """Return a Catmull-Rom spline through points (n, 2)."""
    if len(points) < 2:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = (padded[at : at + len(points) - 1, None] for at in range(4))
    t = np.linspace(0, 1, SAMPLES_PER_SEGMENT, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def _scribble(generator: np.random.Generator) -> list[Stroke]:
    """Draw one to four lines that wander about and mean nothing."""
    return [_wander(generator) for _ in range(generator.integers(1, 5))]


def _wander(generator: np.random.Generator) -> Stroke:
    points = int(generator.integers(8, 60))
    turns = np.cumsum(generator.normal(0, generator.uniform(0.3, 1.2), points))
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * generator.uniform(2, 8)
    return np.asarray(generator.uniform(0, 60, 2) + np.cumsum(steps, axis=0))


def _pick(digits: LabelledDigits, generator: np.random.Generator, *labels: int) -> Ink:
    wanted = np.flatnonzero(np.isin(digits.labels, labels))
    return np.asarray(digits.images[generator.choice(wanted) if wanted.size else 0])


def _turned(digits: LabelledDigits, generator: np.random.Generator) -> Ink:
    return np.rot90(_pick(digits, generator, *TURNABLE), generator.choice([1, 3]))


def _mirrored(digits: LabelledDigits, generator: np.random.Generator) -> Ink:
    return _pick(digits, generator, *MIRRORABLE)[:, ::-1]


def _overlaid(digits: LabelledDigits, generator: np.random.Generator) -> Ink:
    """Put two digits side by side or over each other, and fit them into one picture."""
    first, second = (_pick(digits, generator, *range(NUM_DIGITS)) for _ in range(2))
    wide = np.zeros((SIDE, 2 * SIDE), np.uint8)
    wide[:, :SIDE] = first
    offset = int(generator.integers(6, 24))
    wide[:, offset : offset + SIDE] = np.maximum(wide[:, offset : offset + SIDE], second)
    return prepare(wide)
