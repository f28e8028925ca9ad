"""Whether the same ink gets the same answer by every way into the site.

    INKLING_BENCH_DATA=DIR .venv/bin/python -m benchmarks.ways [--count N] [--final]
        [--mnist N]

Digits of `ink-dev.jsonl.gz` are drawn on the page's own canvas in Chromium, on the screen of a desk
and of a phone, and read as the strokes that the page sends, as the PNG that the canvas gives, and
as an upload of what is seen. A third of the writers are drawn with `--final` alone. MNIST's test
digits are read as arrays and as PNG files.
"""

import argparse
import base64
import io
import json
import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from flask import Flask
from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright
from rich.console import Console
from rich.progress import track
from rich.table import Table
from werkzeug.serving import make_server

from benchmarks.load import LOCAL
from benchmarks.numbers import Drawing, load
from ml.bundle import FAMILIES
from ml.datasets import load_test
from ml.images import to_png
from ml.preprocessing import Ink
from ml.reading import REFUSED_MARK, DigitAnswer, read_digits
from webapp import create_app, recognition, serving
from webapp.recognition import Reading

SMALLEST, LARGEST = 0.25, 0.8
"""Heights of the digits, as parts of the paper's."""
JPEG_QUALITY = 85
NUM_DIFFERING = 12
FLAGS = ("--no-sandbox", "--disable-gpu")
WHO = ("answer", *FAMILIES)
"""Both models together, and each by itself."""

Said = Mapping[str, str]
"""What was read, by who says it."""

DRAW = """async (drawings) => {
  const { Pad } = await import("/static/js/pad.js");
  const { Drawing } = await import("/static/js/strokes.js");
  const canvas = document.querySelector("#pad");
  const pad = new Pad(canvas);
  pad.drawing = new Drawing();
  const { size } = pad.drawing;
  return drawings.map(({ strokes, part, across, down }) => {
    const points = strokes.flat();
    const scale = part * size.height / Math.max(...points.map(([, y]) => y), 1);
    const room = size.width - 20 - scale * Math.max(...points.map(([x]) => x));
    const left = 10 + across * Math.max(0, room);
    const top = 10 + down * (size.height * (1 - part) - 20);
    const drawing = new Drawing([], size);
    for (const stroke of strokes) {
      const [first, ...rest] = stroke.map(([x, y]) => [left + scale * x, top + scale * y, 0, 0.5]);
      drawing.begin(first);
      for (const point of rest) drawing.extend(point);
    }
    pad.drawing = drawing;
    const paper = getComputedStyle(document.querySelector("#paper")).backgroundColor;
    const [, png] = canvas.toDataURL("image/png").split(",");
    return { strokes: JSON.stringify(drawing), ...size, paper, png };
  });
}"""
"""Draws on the page's canvas as the page does, and returns what it sends and what is seen."""


@dataclass(frozen=True)
class Screen:
    """A screen on which people draw."""

    name: str
    size: ViewportSize
    pixel_ratio: float
    is_dark: bool


SCREENS = (
    Screen("desk, light", {"width": 1280, "height": 800}, 1, is_dark=False),
    Screen("phone, dark", {"width": 390, "height": 844}, 3, is_dark=True),
)


@dataclass(frozen=True)
class Drawn:
    """One drawing: the strokes as the page sends them, and the canvas as PNG.

    Attributes:
        strokes: JSON.
        width, height: of the paper, in the units of the strokes.
        png: transparent but for the ink.
        paper: red, green and blue of the paper behind it.
    """

    strokes: str
    width: float
    height: float
    png: bytes
    paper: tuple[int, int, int]

    def seen(self, kind: str, **options: int) -> bytes:
        """Return what is seen, ink on paper, as a picture file."""
        ink = Image.open(io.BytesIO(self.png)).convert("RGBA")
        sheet = Image.new("RGBA", ink.size, (*self.paper, 255))
        file = io.BytesIO()
        Image.alpha_composite(sheet, ink).convert("RGB").save(file, kind, **options)
        return file.getvalue()


WAYS: dict[str, Callable[[Drawn], Reading]] = {
    "strokes": lambda one: recognition.read_strokes(json.loads(one.strokes), one.width, one.height),
    "canvas PNG": lambda one: recognition.read_picture(one.png),
    "uploaded PNG": lambda one: recognition.read_picture(one.seen("PNG")),
    "uploaded JPEG": lambda one: recognition.read_picture(one.seen("JPEG", quality=JPEG_QUALITY)),
}


@contextmanager
def site() -> Iterator[tuple[Flask, str]]:
    """Serve a site of its own from this process; give the application and the site's address."""
    with tempfile.TemporaryDirectory(prefix="inkling-bench-") as folder:
        os.environ["INKLING_INSTANCE"] = folder
        app = create_app()
        prepared = app.test_cli_runner().invoke(args=["prepare"])
        if prepared.exit_code:
            raise RuntimeError(prepared.output)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server(LOCAL, 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield app, f"http://{LOCAL}:{server.port}/"
        finally:
            server.shutdown()


def drawn_on(screen: Screen, address: str, drawings: Sequence[Drawing]) -> list[Drawn]:
    """Draw on the canvas of the drawing page, each digit somewhere on it at some size."""
    generator = np.random.default_rng(5)
    sent = [
        {
            "strokes": [stroke.tolist() for stroke in strokes],
            "part": generator.uniform(SMALLEST, LARGEST),
            "across": generator.random(),
            "down": generator.random(),
        }
        for strokes in drawings
    ]
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        page = browser.new_page(
            viewport=screen.size,
            device_scale_factor=screen.pixel_ratio,
            color_scheme="dark" if screen.is_dark else "light",
        )
        page.goto(address)
        found = [_drawn(one) for one in _in_parts(page, sent)]
        browser.close()
    return found


def _in_parts(page: Page, sent: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Draw fifty at a time: a canvas of a phone gives half a megabyte."""
    for start in range(0, len(sent), 50):
        yield from page.evaluate(DRAW, sent[start : start + 50])


def _drawn(found: dict[str, Any]) -> Drawn:
    red, green, blue = (int(part) for part in re.findall(r"\d+", found["paper"])[:3])
    png = base64.b64decode(found["png"])
    return Drawn(found["strokes"], found["width"], found["height"], png, (red, green, blue))


def some_drawings(file: Path, number: int, *, final: bool) -> tuple[list[Drawing], list[str]]:
    """Return digits of writers who may be looked at, or of those kept for the end, and labels."""
    samples = [sample for own in load(file, final=final).values() for sample in own]
    chosen = np.random.default_rng(4).permutation(len(samples))[:number]
    drawings = []
    for at in chosen:
        low = np.concatenate(samples[at].strokes).min(axis=0)
        drawings.append([stroke - low for stroke in samples[at].strokes])
    return drawings, [str(samples[at].label) for at in chosen]


def said(answers: Sequence[DigitAnswer]) -> Said:
    """Return what both models together and each by itself read; `?` is what was refused."""
    whole = [REFUSED_MARK if one.label is None else str(one.label) for one in answers]
    own: Said = {name: "".join(str(one.models[name].label) for one in answers) for name in FAMILIES}
    return {"answer": "".join(whole), **own}


def ways_table(name: str, drawn: Sequence[Drawn], labels: Sequence[str]) -> Table:
    """Return how often two ways give the same label, and how often each gives the right one."""
    found = {
        way: [said(read(one).answers) for one in track(drawn, f"{name}: {way}")]
        for way, read in WAYS.items()
    }
    table = Table("same label, or right", *WHO, title=f"{len(drawn)} digits: {name}")
    for one, other in combinations(WAYS, 2):
        table.add_row(f"{one} = {other}", *_same(found[one], found[other]))
    table.add_section()
    for way, answers in found.items():
        table.add_row(f"{way}: right", *_right(answers, labels))
    _add_differing(table, found, labels)
    return table


def _add_differing(
    table: Table, found: Mapping[str, Sequence[Said]], labels: Sequence[str]
) -> None:
    """Add what was said of the first digits that got different answers."""
    table.add_section()
    differing = [
        at for at in range(len(labels)) if len({said[at]["answer"] for said in found.values()}) > 1
    ]
    for at in differing[:NUM_DIFFERING]:
        answers = ", ".join(said[at]["answer"] for said in found.values())
        table.add_row(f"digit {at}, a {labels[at]}: {answers}")


def mnist_table(number: int) -> Table:
    """Return how MNIST's test digits are read as arrays and as uploaded PNG files."""
    digits = load_test()
    pictures, labels = digits.images[:number], [str(label) for label in digits.labels[:number]]
    arrays = [said([one]) for one in read_digits(pictures, serving.live().recognisers)]
    table = Table("MNIST's test set", *WHO, "same picture", title=f"{number:,} digits")
    table.add_row("as arrays: right", *_right(arrays, labels), "")
    for name, file_of in FILES.items():
        found = [recognition.read_picture(file_of(one)) for one in track(pictures, name)]
        same = [
            len(one.digits) == 1 and bool((one.digits[0].picture == picture).all())
            for one, picture in zip(found, pictures, strict=True)
        ]
        answers = [said(one.answers) for one in found]
        table.add_row(f"{name}: right", *_right(answers, labels), f"{np.mean(same):.2%}")
        table.add_row("… same label as the array", *_same(answers, arrays), "")
    return table


FILES: dict[str, Callable[[Ink], bytes]] = {
    "PNG": to_png,
    "PNG, black on white": lambda picture: to_png(255 - picture),
}


def _same(answers: Sequence[Said], others: Sequence[Said]) -> list[str]:
    """Return how often two ways give the same, by who says it."""
    pairs = list(zip(answers, others, strict=True))
    return [f"{np.mean([one[who] == other[who] for one, other in pairs]):.2%}" for who in WHO]


def _right(answers: Sequence[Said], labels: Sequence[str]) -> list[str]:
    return _same(answers, [dict.fromkeys(WHO, label) for label in labels])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000, help="digits drawn on each screen")
    parser.add_argument("--mnist", type=int, default=10_000, help="digits of MNIST's test set")
    parser.add_argument("--final", action="store_true", help="draw the kept writers' digits")
    options = parser.parse_args(arguments)
    file = Path(os.environ["INKLING_BENCH_DATA"]) / "ink-dev.jsonl.gz"
    drawings, labels = some_drawings(file, options.count, final=options.final)
    console = Console(width=110)
    with site() as (app, address):
        for screen in SCREENS:
            drawn = drawn_on(screen, address, drawings)
            with app.app_context():
                console.print(ways_table(screen.name, drawn, labels))
        if options.mnist:
            with app.app_context():
                console.print(mnist_table(options.mnist))


if __name__ == "__main__":
    main()
