"""A person with a pen, made by code: strokes for each digit, never twice the same.

The shapes are given in a box of 100×140 units, y down, and drawn with jitter of size, slant,
place and hand. `write` is how most people write; `write_own_way` is a writer with habits that
MNIST lacks.
"""

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

Strokes = list[list[list[float]]]
"""As the API takes them: `[[[x, y], …], …]`."""

CANVAS = 280


def write(label: int, seed: int = 0) -> Strokes:
    """Return strokes of a digit in an ordinary hand, somewhere on a 280×280 canvas."""
    return _place(_ORDINARY[label](), random.Random(f"{label}/{seed}"))


def write_own_way(label: int, seed: int = 0) -> Strokes:
    """Return strokes of a digit by a writer with habits of their own."""
    shape = _OWN.get(label, _ORDINARY[label])
    return _place(shape(), random.Random(f"own/{label}/{seed}"))


def scribble(seed: int = 0) -> Strokes:
    """Return strokes that are no digit: a dense zigzag in all directions."""
    generator = random.Random(f"scribble/{seed}")
    points = [[generator.uniform(40, 240), generator.uniform(40, 240)] for _ in range(40)]
    return [points]


def _arc(
    middle: tuple[float, float], radii: tuple[float, float], start: float, end: float
) -> list[list[float]]:
    """Return points on an ellipse; degrees, 0 to the right, growing clockwise as y points down."""
    steps = max(6, int(abs(end - start) / 8))
    angles = [math.radians(start + (end - start) * at / steps) for at in range(steps + 1)]
    return [
        [middle[0] + radii[0] * math.cos(one), middle[1] + radii[1] * math.sin(one)]
        for one in angles
    ]


def _line(*corners: tuple[float, float]) -> list[list[float]]:
    points: list[list[float]] = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        points += [[x0 + (x1 - x0) * at / 8, y0 + (y1 - y0) * at / 8] for at in range(9)]
    return points


_ORDINARY: dict[int, Callable[[], Strokes]] = {
    0: lambda: [_arc((50, 70), (42, 68), -90, 270)],
    1: lambda: [_line((50, 0), (48, 140))],
    2: lambda: [_arc((48, 40), (40, 38), -160, 50) + _line((70, 72), (8, 138), (95, 136))],
    3: lambda: [
        _arc((42, 36), (40, 34), -150, 90) + _arc((42, 102), (46, 36), -90, 140),
    ],
    4: lambda: [_line((22, 0), (10, 78), (92, 78)), _line((70, 8), (66, 140))],
    5: lambda: [
        _line((84, 2), (22, 2), (18, 58)) + _arc((44, 94), (42, 42), -120, 140),
    ],
    6: lambda: [_arc((90, 90), (76, 90), -105, -180) + _arc((50, 98), (38, 40), -180, 180)],
    7: lambda: [_line((5, 5), (92, 5), (38, 140))],
    8: lambda: [
        _arc((50, 36), (34, 34), 90, -270) + _arc((50, 104), (42, 36), -90, 270),
    ],
    9: lambda: [_arc((48, 42), (38, 40), -20, -380) + _line((84, 50), (74, 140))],
}

_OWN: dict[int, Callable[[], Strokes]] = {
    # A roof: the upstroke as long as the downstroke.
    1: lambda: [_line((0, 130), (55, 0), (62, 140))],
    # Barred twice, with a foot.
    7: lambda: [
        _line((5, 5), (92, 5), (38, 140), (85, 138)),
        _line((25, 60), (95, 56)),
        _line((20, 78), (90, 74)),
    ],
    # Crossed out from corner to corner and back.
    0: lambda: [
        _arc((50, 70), (42, 68), -90, 270),
        _line((100, 5), (2, 135)),
        _line((5, 8), (98, 132)),
    ],
}


def _place(shape: Strokes, hand: random.Random) -> Strokes:
    """Give a shape a hand's jitter and a place on the canvas."""
    height = hand.uniform(110, 200)
    scale, narrow = height / 140, hand.uniform(0.8, 1.05)
    slant = hand.uniform(-0.05, 0.2)
    phase = hand.uniform(0, 2 * math.pi)
    left, top = hand.uniform(25, 60), hand.uniform(15, CANVAS - 25 - height)

    def placed(x: float, y: float) -> list[float]:
        x += 3 * math.sin(y / 25 + phase) + slant * (70 - y)
        y += 3 * math.cos(x / 25 + phase)
        return [round(left + x * scale * narrow, 1), round(top + y * scale, 1)]

    return [[placed(x, y) for x, y in stroke] for stroke in shape]


def write_number(labels: Sequence[int], *, height: float = 100, gap: float = 18) -> Strokes:
    """Return strokes of several digits beside each other, 40 below the top of the paper.

    Args:
        labels: the digits.
        height: of each.
        gap: between one and the next.
    """
    written: Strokes = []
    left = 40.0
    for seed, label in enumerate(labels):
        strokes = write(label, seed)
        xs = [x for stroke in strokes for x, _ in stroke]
        ys = [y for stroke in strokes for _, y in stroke]
        scale, x0, y0 = height / (max(ys) - min(ys)), min(xs), min(ys)
        written += [
            [[round(left + (x - x0) * scale, 1), round(40 + (y - y0) * scale, 1)] for x, y in one]
            for one in strokes
        ]
        left += (max(xs) - x0) * scale + gap
    return written
