"""The synthetic writer: digits in styles that MNIST lacks, and shapes that are no digits.

Every way of writing a shape is a template in `ml/data/glyphs.txt`. The writer draws one with a
hand of its own (slant, proportions, roundness, haste, pen) and a tremor in every point, through the
same `ml.strokes.render` and `ml.preprocessing.prepare` that a visitor's drawing goes through.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.datasets import NOT_A_DIGIT, NUM_DIGITS, LabelledDigits
from ml.preprocessing import SIDE, Ink, prepare
from ml.strokes import PEN_WIDTH, Stroke, render

GLYPHS_FILE = Path(__file__).parent / "data" / "glyphs.txt"

SAMPLES_PER_SEGMENT = 6
"""Points drawn between two points of a template."""

TREMOR = (1.0, 4.5)
"""Standard deviation of each template point's place, in hundredths of the box: neat to sloppy."""

STROKE_TREMOR = 1.3
"""How far a stroke as a whole is misplaced, as a multiple of the tremor of its points."""

ROUNDNESS = (0.25, 0.7)
"""Tension of the curves: from an angular hand over Catmull-Rom's 0.5 to a loopy one."""

OVERSHOOT = (0.0, 8.0)
"""Standard deviation of how far strokes run on, or stop short, in hundredths of the box."""

ROUNDED = 0.2
"""Part of the corners that are rounded off, or become a small loop."""

JOINED = 0.12
"""Part of the pen lifts that a hurried hand leaves out."""

PEN_WIDTHS = (0.6, 1.7)
"""Pens from a fine liner to a marker, in multiples of the pen that strokes are rendered with."""

TURNABLE, MIRRORABLE = (2, 3, 4, 5, 7), (3, 4, 7)
"""Digits that turned on their side, or mirrored, are nothing one could read."""


Points = npt.NDArray[np.float64]

Parts = tuple[Stroke, ...]
"""A stroke cut at its corners: smooth parts that share their ends."""


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
    strokes: tuple[Parts, ...]


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


def _parse_stroke(text: str) -> Parts:
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
    """Draw a template once, with a hand and a tremor of its own.

    Returns:
        Strokes in a box of about 100, y down.
    """
    hand = Hand.random(generator)
    digit = glyph.label != NOT_A_DIGIT
    # Joined signs can become digits: an equals sign without a pen lift is a 2.
    strokes = _joined(glyph.strokes, generator) if digit else glyph.strokes
    return [hand.bend(_stroke(parts, hand, generator)) for parts in strokes]


@dataclass(frozen=True, eq=False)
class Hand:
    """What is peculiar to a hand; lengths are in hundredths of the box.

    Attributes:
        frame: float64 (2, 2): proportions, slant, and a little rotation.
        top: exponent of the height: below 1 the upper part is taller, above 1 flatter.
        widening: how much wider the foot is than the head, as a part.
        bow: how far the middle is pushed to the right.
        waves: float64 (2, 2), two slow waves through the box: radians for each hundredth.
        phases: float64 (2,), where the waves begin.
        reaches: float64 (2, 2), how far each wave pushes to the right and down.
        tremor: standard deviation of each template point's place.
        roundness: 0 draws straight from point to point, 0.5 a Catmull-Rom spline.
        overshoot: standard deviation of how far strokes run on, or stop short.
    """

    frame: Points
    top: float
    widening: float
    bow: float
    waves: Points
    phases: Points
    reaches: Points
    tremor: float
    roundness: float
    overshoot: float

    @classmethod
    def random(cls, generator: np.random.Generator) -> "Hand":
        """Return another hand each time."""
        return cls(
            frame=_frame(generator),
            top=float(np.exp(generator.normal(0, 0.3))),
            widening=generator.normal(0, 0.35),
            bow=generator.normal(0, 5),
            waves=generator.normal(0, 0.035, (2, 2)),
            phases=generator.uniform(0, 2 * np.pi, 2),
            reaches=generator.normal(0, 3.5, (2, 2)),
            tremor=generator.uniform(*TREMOR),
            roundness=generator.uniform(*ROUNDNESS),
            overshoot=generator.uniform(*OVERSHOOT),
        )

    def bend(self, stroke: Stroke) -> Stroke:
        """Return a stroke, float64 (n, 2), with this hand's proportions."""
        swung = stroke + np.sin(stroke @ self.waves + self.phases) @ self.reaches
        y = np.clip(swung[:, 1] / 100, 0.0, None)
        x = 40 + (swung[:, 0] - 40) * np.clip(1 + self.widening * (y - 0.5), 0.5, 1.5)
        bowed = x + self.bow * (1 - (2 * y - 1) ** 2)
        return np.stack([bowed, 100 * y**self.top], axis=1) @ self.frame.T


def _frame(generator: np.random.Generator) -> Points:
    """Return a 2×2 map: proportions, slant, and a little rotation."""
    wide = np.exp(generator.normal(0, 0.2))
    slant = generator.normal(0.08, 0.19)
    angle = generator.normal(0, 0.08)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(rotation @ np.array([[wide, -slant], [0.0, 1.0]]))


def _joined(strokes: Sequence[Parts], generator: np.random.Generator) -> list[Parts]:
    """Leave out some of the pen lifts: a straight line leads to the next stroke."""
    joined = [strokes[0]]
    for parts in strokes[1:]:
        if generator.random() < JOINED:
            bridge = np.array([joined[-1][-1][-1], parts[0][0]])
            joined[-1] = (*joined[-1], bridge, *parts)
        else:
            joined.append(parts)
    return joined


def _rounded(parts: Parts, generator: np.random.Generator) -> Parts:
    """Draw smoothly through some of the corners."""
    rounded = [parts[0]]
    for part in parts[1:]:
        if generator.random() < ROUNDED:
            rounded[-1] = np.concatenate([rounded[-1], part[1:]])
        else:
            rounded.append(part)
    return tuple(rounded)


def _stroke(parts: Parts, hand: Hand, generator: np.random.Generator) -> Stroke:
    """Shift a stroke as a whole and each of its points by itself, then draw it smoothly."""
    parts = _rounded(parts, generator)
    points = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
    shaken = points + generator.normal(0, STROKE_TREMOR * hand.tremor, 2)
    shaken += generator.normal(0, hand.tremor, points.shape)
    begin, end = generator.normal(0, hand.overshoot, 2)
    shaken = _longer(_longer(shaken, begin)[::-1], end)[::-1]
    ends = np.cumsum([len(part) - 1 for part in parts])
    pieces = pairwise((0, *ends.tolist()))
    return np.concatenate([_smooth(shaken[a : b + 1], hand.roundness) for a, b in pieces])


def _longer(points: Stroke, distance: float) -> Stroke:
    """Begin a stroke that much earlier; below 0 later, but within half of its first segment."""
    if len(points) < 2:
        return points
    step = points[0] - points[1]
    length = max(float(np.hypot(*step)), 1e-9)
    begin = points[0] + step / length * max(distance, -length / 2)
    return np.concatenate([begin[None], points[1:]])


def _smooth(points: Stroke, roundness: float) -> Stroke:
    """Return a cardinal spline through points (n, 2)."""
    if len(points) < 2:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = (padded[at : at + len(points) - 1, None] for at in range(4))
    leaving, arriving = roundness * (end - before), roundness * (after - start)
    t = np.linspace(0, 1, SAMPLES_PER_SEGMENT, endpoint=False)[None, :, None]
    curve = start + leaving * t + (3 * (end - start) - 2 * leaving - arriving) * t**2
    curve = curve + (2 * (start - end) + leaving + arriving) * t**3
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
