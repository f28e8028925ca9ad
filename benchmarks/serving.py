"""Speed, memory and start-up of serving, beside an empty Flask request and the plain way.

    make bench                           as it was meant
    make bench ARGUMENTS="--seconds 1"   a quick look
    make bench ARGUMENTS=--markdown      a table for the README

Everything runs on this machine, in a temporary folder that is removed in the end.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import drawings
from benchmarks.load import Load, press
from benchmarks.servers import ROOT, Server, Weight, clean_environment

CLIENTS = (1, 8)
ROUNDS = 3
"""Each server is pressed so many times in turn, so that a noisy moment meets them all."""
NUM_DRAWINGS = 64
WARM_UP_SECONDS = 2.0
REST_SECONDS = 1.0
IN_PROCESS_REQUESTS = 500
NO_LIMIT = "999999999 per minute"
WIDTH = 110
"""Columns of the output, wide enough for the table whatever it is printed to."""


@dataclass(frozen=True)
class Subject:
    """One of those compared: what it is called, how to start it, what to ask it."""

    name: str
    app: str
    ready_path: str
    path: str
    body: Callable[[int], bytes]


EMPTY = Subject("empty Flask", "benchmarks.empty_app:app", "/", "/predict", drawings.as_strokes)
INKLING = Subject("Inkling", "wsgi:app", "/readyz", "/api/v1/predictions", drawings.as_strokes)
PLAIN = Subject("the plain way", "benchmarks.plain_app:app", "/", "/predict", drawings.as_data_url)


@dataclass
class Measured:
    """What was found out about one subject."""

    start_seconds: float
    loads: dict[int, Load] = field(default_factory=lambda: {n: Load(n) for n in CLIENTS})
    weight: Weight | None = None


def main() -> int:
    """Measure all of it and print the table; 1 if a request failed."""
    arguments = parse_arguments()
    console = Console(width=WIDTH)
    with tempfile.TemporaryDirectory(prefix="inkling-bench-") as folder:
        environment = clean_environment(
            INKLING_INSTANCE=folder,
            INKLING_READ_LIMIT=NO_LIMIT,
            PLAIN_DATABASE=str(Path(folder, "plain.sqlite3")),
            TF_CPP_MIN_LOG_LEVEL="3",
        )
        prepare(environment)
        measured = measure((EMPTY, INKLING, PLAIN), environment, arguments.seconds)
        milliseconds = in_process(environment)
    result = table([measured[one] for one in (EMPTY, INKLING, PLAIN)])
    result.box = MARKDOWN if arguments.markdown else result.box
    console.print(result)
    console.print(
        "In the process, on one core: a drawing answered by both models and saved takes "
        f"{np.median(milliseconds):.2f} ms at the median, "
        f"{np.percentile(milliseconds, 95):.2f} ms at 95 %."
    )
    console.print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}."
    )
    return int(any(load.failures for one in measured.values() for load in one.loads.values()))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="how long each round takes (default: 4)"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return parser.parse_args()


def prepare(environment: dict[str, str]) -> None:
    """Make the database and import the shipped versions, as `make run` does."""
    command = [sys.executable, "-m", "flask", "prepare"]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


def measure(
    subjects: tuple[Subject, ...], environment: dict[str, str], seconds: float
) -> dict[Subject, Measured]:
    """Start all servers, press them in turn, weigh them at rest, stop them."""
    with ExitStack() as cleaning, Progress(transient=True) as progress:
        task = progress.add_task("Measuring", total=len(subjects) * (len(CLIENTS) * ROUNDS + 1))
        servers, measured = {}, {}
        for subject in subjects:
            server = servers[subject] = Server(subject.app, environment)
            cleaning.callback(server.stop)
            measured[subject] = Measured(server.wait_until_ready(subject.ready_path))
            pressed(subject, server, clients=max(CLIENTS), seconds=WARM_UP_SECONDS)
            progress.advance(task)
        for clients in CLIENTS * ROUNDS:
            for subject, server in servers.items():
                load = pressed(subject, server, clients=clients, seconds=seconds)
                measured[subject].loads[clients].add(load)
                progress.advance(task)
        time.sleep(REST_SECONDS)
        for subject, server in servers.items():
            measured[subject].weight = server.heaviest_worker()
    return measured


def pressed(subject: Subject, server: Server, *, clients: int, seconds: float) -> Load:
    """Have a server answer drawings."""
    bodies = [subject.body(seed) for seed in range(NUM_DRAWINGS)]
    return press(server.port, subject.path, bodies, clients=clients, seconds=seconds)


def in_process(environment: dict[str, str]) -> list[float]:
    """Return milliseconds from request to answer within one process on one core.

    Reading, both models, the transaction and the JSON are in it, the network is not.
    """
    os.environ.clear()
    os.environ.update(environment)
    from webapp import create_app

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    client = create_app().test_client()
    milliseconds = []
    for seed in range(IN_PROCESS_REQUESTS):
        body = INKLING.body(seed)
        started = time.perf_counter()
        answer = client.post(INKLING.path, data=body, content_type="application/json")
        milliseconds.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 201:
            raise RuntimeError(f"A drawing was answered with {answer.status}: {answer.text}")
    return milliseconds


def table(measured: list[Measured]) -> Table:
    """Lay the figures out side by side, with their ratios."""
    result = Table(title="A drawing answered by both models and saved")
    result.add_column("", no_wrap=True)
    for subject in (EMPTY, INKLING, PLAIN):
        result.add_column(subject.name, justify="right")
    result.add_column("to empty", justify="right")
    result.add_column("plain to Inkling", justify="right")
    columns = [figures(one) for one in measured]
    for name in columns[0]:
        result.add_row(name, *cells([column[name] for column in columns]))
    return result


def figures(measured: Measured) -> dict[str, float | None]:
    """Return the figures of one subject by the names of their rows."""
    found: dict[str, float | None] = {}
    for clients, load in measured.loads.items():
        who = f"{clients} client{'s' * (clients > 1)}"
        found[f"{who}: median, ms"] = load.milliseconds(50)
        found[f"{who}: 95 %, ms"] = load.milliseconds(95)
        found[f"{who}: answers a second"] = load.per_second
        found[f"{who}: failures"] = load.failures
    found["idle worker: memory, MB"] = measured.weight.rss if measured.weight else None
    found["idle worker: its share, MB"] = measured.weight.pss if measured.weight else None
    found["start to first answer, s"] = measured.start_seconds
    return found


def cells(three: list[float | None]) -> list[str]:
    """Write three figures and their two ratios."""
    empty, inkling, plain = three
    shown = ["–" if figure is None else f"{figure:,.4g}" for figure in three]
    return [*shown, ratio(inkling, empty), ratio(plain, inkling)]


def ratio(one: float | None, other: float | None) -> str:
    """Write how many times the one is the other."""
    return f"{one / other:.2f} ×" if one is not None and other else "–"


if __name__ == "__main__":
    sys.exit(main())
