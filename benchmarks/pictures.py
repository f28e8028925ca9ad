"""How pictures of real ink are read, by pen and paper, beside the same ink as strokes.

The digits of `ink-dev.jsonl.gz` in the folder that INKLING_BENCH_DATA names are drawn at random
places and sizes, saved as PNG, and read as an upload is.

    INKLING_BENCH_DATA=… python -m benchmarks.pictures
"""

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from ml import bundle, images
from ml.bundle import FAMILIES, PRETRAINED
from ml.preprocessing import Ink
from ml.reading import DigitAnswer, judge, read_digits
from ml.runtime import Recogniser
from ml.segmentation import FoundDigit, Judge, digits_in_ink, digits_in_strokes
from ml.strokes import Stroke

MAX_PIXELS = 50_000_000
Painter = Callable[[list[Stroke], np.random.Generator], Ink]


def canvas(side: int, pen: int, *, dark: bool = False) -> Painter:
    """Return a painter of even paper with a pen of so many pixels."""

    def paint(strokes: list[Stroke], generator: np.random.Generator) -> Ink:
        points = np.concatenate(strokes)
        scale = generator.uniform(0.35, 0.75) * side / max(1.0, float(points.max()))
        room = side - points.max(axis=0) * scale - 2 * pen
        corner = pen + generator.uniform(0, 1, 2) * room
        picture = np.full((side, side), 255, np.uint8)
        for stroke in strokes:
            fixed = np.rint((stroke * scale + corner) * 16).astype(np.int32)
            fixed = fixed if len(fixed) > 1 else np.repeat(fixed, 2, axis=0)
            cv2.polylines(picture, [fixed], False, (0,), pen, cv2.LINE_AA, 4)
        return 255 - picture if dark else picture

    return paint


def paper(strokes: list[Stroke], generator: np.random.Generator) -> Ink:
    """Paint grey ink on paper with slanting light, blur and grain."""
    pen = int(generator.choice([8, 12, 16]))
    drawn = canvas(1200, pen)(strokes, generator).astype(np.float64)
    light = np.linspace(0.55, 1, 1200)[None, :] * np.linspace(1, 0.8, 1200)[:, None]
    seen = (60 + 0.7 * cv2.GaussianBlur(drawn, (0, 0), 1.2)) * light
    return np.clip(seen + generator.normal(0, 4, seen.shape), 0, 255).astype(np.uint8)


PAINTERS: dict[str, Painter] = {
    **{f"280×280, pen of {pen}": canvas(280, pen) for pen in (4, 8, 12, 18, 24)},
    "280×280, white on black": canvas(280, 14, dark=True),
    **{f"1000×1000, pen of {pen}": canvas(1000, pen) for pen in (3, 6, 12, 40)},
    "1200×1200, grey ink, slanting light, grain": paper,
}


def load(folder: Path, count: int) -> tuple[list[list[Stroke]], np.ndarray]:
    """Return the strokes and labels of a random part of the ink, the same at each run."""
    with gzip.open(folder / "ink-dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    chosen = np.random.default_rng(1).permutation(len(rows))[:count]
    drawings = [[np.array(one, float) for one in rows[at]["strokes"]] for at in chosen]
    return drawings, np.array([int(rows[at]["label"]) for at in chosen])


def found_in(picture: Ink, look: Judge | None = None) -> FoundDigit | None:
    """Return the one digit found in a picture that is saved as PNG and uploaded."""
    photo = images.decode(images.to_png(picture), max_pixels=MAX_PIXELS)
    found = digits_in_ink(photo.ink, photo.scale, look)
    return found[0] if len(found) == 1 else None


def row(name: str, answers: Sequence[DigitAnswer | None], labels: np.ndarray) -> list[str]:
    """Return how many digits each model, and both together, read right."""
    pairs = list(zip(answers, labels, strict=True))
    cells = [
        np.mean([one is not None and one.models[family].label == label for one, label in pairs])
        for family in FAMILIES
    ]
    cells.append(np.mean([one is not None and one.label == label for one, label in pairs]))
    return [name, *(f"{cell:.1%}" for cell in cells)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="digits for each row")
    count = parser.parse_args(arguments).count
    models = {family: Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES}
    drawings, labels = load(Path(os.environ["INKLING_BENCH_DATA"]), count)

    def read(found: FoundDigit | None) -> DigitAnswer | None:
        return read_digits(found.picture[None], models)[0] if found else None

    table = Table("ink", *FAMILIES, "answer", "ms each", title=f"Pictures of {len(labels)} digits")
    look = judge(models)
    strokes = [read(digits_in_strokes(one, 500, 500, look)[0]) for one in drawings]
    table.add_row(*row("as strokes", strokes, labels), "")
    for name, painter in PAINTERS.items():
        generator = np.random.default_rng(2)
        pictures = [painter(one, generator) for one in drawings]
        began = time.perf_counter()
        answers = [read(found_in(picture, look)) for picture in pictures]
        seconds = (time.perf_counter() - began) / len(pictures)
        table.add_row(*row(name, answers, labels), f"{seconds * 1000:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
