"""Numbers written by the pen of `tests.pen`: digits in a row, as strokes and on paper."""

from collections.abc import Sequence

import cv2
import numpy as np

from tests import pen

HEIGHT = 100.0


def strokes(text: str, *, gap: float = 25.0, left: float = 30.0, top: float = 30.0) -> list:
    """Return the strokes of a number, its digits 100 units high; a line break begins a line."""
    drawn: list[np.ndarray] = []
    for number, line in enumerate(text.split("\n")):
        x = left
        for seed, label in enumerate(line):
            digit = [np.array(stroke) for stroke in pen.write(int(label), seed)]
            points = np.concatenate(digit)
            low, high = points.min(axis=0), points.max(axis=0)
            scale = HEIGHT / (high[1] - low[1])
            place = np.array([x, top + number * 1.6 * HEIGHT])
            drawn += [(stroke - low) * scale + place for stroke in digit]
            x += (high[0] - low[0]) * scale + gap
    return drawn


def ink(drawn: Sequence[np.ndarray], *, width: int = 8, scale: float = 1.0) -> np.ndarray:
    """Return strokes as ink, uint8, with 30 units of paper around."""
    points = np.concatenate(drawn)
    size = np.ceil((points.max(axis=0) + 30) * scale).astype(int)
    picture = np.zeros((size[1], size[0]), np.uint8)
    for stroke in drawn:
        fixed = np.rint(stroke * scale * 16).astype(np.int32)
        cv2.polylines(picture, [fixed], False, 255, max(1, round(width * scale)), cv2.LINE_AA, 4)
    return picture
