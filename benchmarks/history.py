"""The history and the review queue with a million digits in SQLite.

    python -m benchmarks.history                      makes the digits, measures, removes them
    python -m benchmarks.history --keep FOLDER        keeps them there, or uses those that are there
    python -m benchmarks.history --digits 100000      fewer of them

Each view is asked for in the process as a reviewer does, the page with its count and all. A key in
the queue is pressed in a real Chromium; the time runs to the frame that shows the next digit.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from benchmarks.million import NUM_DIGITS, REVIEWER, prepare
from benchmarks.servers import Server

ROUNDS = 15
NUM_KEYS = 200
KEY_PAUSE_MILLISECONDS = 250
"""Four digits a second, quicker than anybody looks."""
SINGLE = {
    "everything, newest first": "",
    "oldest first": "sort=oldest",
    "surest first": "sort=surest",
    "least sure first": "sort=least-sure",
    "read as": "read=7",
    "corrected to": "said=3",
    "confidence from–to": "sure_from=40&sure_to=60",
    "confidence to": "sure_to=60",
    "unsure": "unsure=yes",
    "sure": "unsure=no",
    "models disagree": "disagree=yes",
    "models agree": "disagree=no",
    "refused": "refused=yes",
    "not refused": "refused=no",
    "source": "source=batch",
    "version": "version=cnn-2",
    "day": "since=2025-02-01&until=2025-02-01",
    "corrected": "correction=yes",
    "not corrected": "correction=no",
    "waits for review": "correction=waits",
    "decided": "correction=decided",
    "people differ": "conflict=yes",
    "visitor": "visitor={visitor}",
    "search by reading": "q=7",
    "search by id": "q={digit}",
    "as a table": "view=table",
}
COMBINED = {
    "read as, unsure": "read=7&unsure=yes",
    "read as, surest first": "read=4&sort=surest",
    "unsure and refused (none)": "unsure=yes&refused=yes",
    "confidence, sure, least sure first": "sure_to=50&unsure=no&sort=least-sure",
    "all of them at once": "read=4&said=4&sure_from=10&sure_to=90&unsure=yes&disagree=no&refused=no"
    "&source=canvas&version=cnn-3&since=2024-02-01&until=2026-02-01&correction=decided&sort=surest",
    "search, unsure, waits": "q=7&unsure=yes&correction=waits",
    "visitor, read as, waits": "visitor={visitor}&read=7&correction=waits",
}


@dataclass(frozen=True)
class Timing:
    """How long something took, in milliseconds.

    Attributes:
        milliseconds: by the clock, one for each time.
        of_processor: how much of a processor's time it took, which other programs do not lengthen.
    """

    milliseconds: list[float]
    of_processor: float = 0.0

    def at(self, percent: float) -> float:
        """Return the time that so many percent stay under."""
        return float(np.percentile(self.milliseconds, percent))


def main() -> int:
    """Measure all of it and print the tables; 1 where something is slower than it should be."""
    arguments = parse_arguments()
    console = Console(width=100)
    with ExitStack() as cleaning:
        folder = arguments.keep
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="inkling-history-"))
            cleaning.callback(shutil.rmtree, folder)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        environment = prepare(folder, arguments.digits)
        made = time.perf_counter() - started
        console.print(f"{arguments.digits:,} digits, ready after {made:.0f} s.")
        timings = measure_views(environment)
        console.print(table(timings))
        pressed = measure_keys(environment)
    if pressed is None:
        console.print("There is no Chromium here to press keys in.")
    else:
        console.print(
            f"From key to next digit painted, {len(pressed.milliseconds)} keys in Chromium: "
            f"median {pressed.at(50):.0f} ms, 95 % under {pressed.at(95):.0f} ms."
        )
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--digits", type=int, default=NUM_DIGITS, help="how many are made")
    parser.add_argument("--keep", type=Path, help="the folder in which they stay")
    return parser.parse_args()


def measure_views(environment: dict[str, str]) -> dict[str, Timing]:
    """Return how long the page of each view takes in this process."""
    os.environ.clear()
    os.environ.update(environment)
    from webapp import create_app
    from webapp.db import db

    app = create_app({"WTF_CSRF_ENABLED": False})
    with app.app_context():
        digit, visitor = db.session.execute(
            db.text("SELECT id, visitor_id FROM digit WHERE visitor_id IS NOT NULL LIMIT 1")
        ).one()
    person = app.test_client()
    person.post("/auth/sign-in", data=dict(zip(("name", "password"), REVIEWER, strict=True)))
    return {
        name: timed(person, query.format(digit=digit, visitor=visitor))
        for name, query in {**SINGLE, **COMBINED}.items()
    }


def timed(person: Any, query: str) -> Timing:
    """Ask for a view some times; the first one warms up."""
    milliseconds, of_processor = [], []
    for _ in range(ROUNDS + 1):
        started, processor = time.perf_counter(), time.process_time()
        answer = person.get(f"/predictions?{query}")
        milliseconds.append((time.perf_counter() - started) * 1000)
        of_processor.append((time.process_time() - processor) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{query} was answered with {answer.status}: {answer.text}")
    return Timing(milliseconds[1:], float(np.median(of_processor[1:])))


def measure_keys(environment: dict[str, str]) -> Timing | None:
    """Return the times from key to next digit painted; None without a Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    server = Server("wsgi:app", {**environment, "WEB_CONCURRENCY": "1"})
    try:
        server.wait_until_ready("/readyz")
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            page = browser.new_page(base_url=f"http://127.0.0.1:{server.port}")
            return Timing(press_keys(page))
    finally:
        server.stop()


WATCH = """
() => {
  window.painted = [];
  document.addEventListener("keydown", (event) => {
    const before = document.querySelector("[data-digit]")?.dataset.digit;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        const after = document.querySelector("[data-digit]")?.dataset.digit;
        window.painted.push(after && after !== before ? performance.now() - event.timeStamp : null);
      };
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}
"""
"""A message that is posted in a frame's callback arrives after that frame was painted."""


def press_keys(page: Any) -> list[float]:
    """Sign in, label digits by key, and return the milliseconds that each took."""
    page.goto("/auth/sign-in")
    page.get_by_label("Name").fill(REVIEWER[0])
    page.get_by_label("Password").fill(REVIEWER[1])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/review")
    page.wait_for_load_state("networkidle")
    page.evaluate(WATCH)
    for number in range(NUM_KEYS):
        page.keyboard.press(str(number % 10))
        page.wait_for_timeout(KEY_PAUSE_MILLISECONDS)
    painted: list[float | None] = page.evaluate("window.painted")
    missed = painted.count(None)
    if missed:
        raise RuntimeError(f"{missed} of {NUM_KEYS} keys brought no other digit.")
    return [one for one in painted if one is not None]


def table(timings: dict[str, Timing]) -> Table:
    """Lay the times of the views out."""
    result = Table(title="A page of the history, milliseconds", box=MARKDOWN)
    for name in ("view", "median", "95 % under", "of processor"):
        result.add_column(name, justify="left" if name == "view" else "right")
    for name, timing in timings.items():
        result.add_row(
            name, f"{timing.at(50):.1f}", f"{timing.at(95):.1f}", f"{timing.of_processor:.1f}"
        )
    return result


if __name__ == "__main__":
    sys.exit(main())
