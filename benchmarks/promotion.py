"""Promotions and rollbacks while eight clients draw: how long the old version still answers.

    python -m benchmarks.promotion                    on SQLite, and on PostgreSQL where initdb is
    python -m benchmarks.promotion --promotions 4     a quick look

Real gunicorn with its own settings, in a temporary folder that is removed in the end.
"""

import argparse
import dataclasses
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
from flask import Flask
from rich.console import Console
from rich.table import Table

from benchmarks import drawings, postgresql
from benchmarks.load import LOCAL, TIMEOUT_SECONDS
from benchmarks.servers import ROOT, Server, clean_environment

NUM_CLIENTS = 8
REQUESTS_PER_CONNECTION = 5
"""A connection stays with one process; a fresh one now and then meets them all."""
PAUSE_SECONDS = 2.0
"""Between promotions: long enough for each to be served everywhere."""
POLL_SECONDS = 0.1
NUM_DRAWINGS = 64
NO_LIMIT = "999999999 per minute"


@dataclass(frozen=True)
class Answer:
    """One answer: when it was asked for, how long it took, and which cnn gave it."""

    asked_at: float
    seconds: float
    version: str


@dataclass
class Watched:
    """What the clients met, and the moments at which which version went live."""

    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    promotions: list[tuple[float, str]] = field(default_factory=list)

    @property
    def delays(self) -> list[float]:
        """Seconds for each promotion from its commit to the last question the old one answered."""
        ends = [moment for moment, _ in self.promotions[1:]] + [float("inf")]
        return [
            max(
                (
                    answer.asked_at - moment
                    for answer in self.answers
                    if moment <= answer.asked_at < end and answer.version != version
                ),
                default=0.0,
            )
            for (moment, version), end in zip(self.promotions, ends, strict=True)
        ]


def main() -> int:
    """Measure on each database and print the table; 1 if a request failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--promotions", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--requests", type=int, default=1_000, help="at least (default: 1,000)")
    arguments = parser.parse_args()
    table = Table(
        "database", "requests", "failed", "median, ms", "95 %, ms", "old one, s", "most, s"
    )
    failed = 0
    for name in ("SQLite", *(["PostgreSQL"] if postgresql.programs() else [])):
        with database(name) as environment:
            watched = watch(environment, arguments.promotions, num_requests=arguments.requests)
        failed += len(watched.failures)
        milliseconds = [answer.seconds * 1000 for answer in watched.answers]
        table.add_row(
            name,
            f"{len(watched.answers) + len(watched.failures):,}",
            str(len(watched.failures)),
            *(f"{np.percentile(milliseconds, share):.1f}" for share in (50, 95)),
            f"{np.median(watched.delays):.2f}",
            f"{max(watched.delays):.2f}",
        )
    Console().print(table)
    return int(failed > 0)


@contextmanager
def database(name: str) -> Iterator[dict[str, str]]:
    """Give the environment of a site on an empty database of its own."""
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="inkling-bench-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        environment = clean_environment(
            INKLING_INSTANCE=str(folder / "instance"),
            INKLING_READ_LIMIT=NO_LIMIT,
            TF_CPP_MIN_LOG_LEVEL="3",
        )
        if name == "PostgreSQL":
            (folder / "postgresql").mkdir()
            environment["DATABASE_URL"] = stack.enter_context(
                postgresql.serve(folder / "postgresql")
            )
        yield environment


def watch(environment: Mapping[str, str], num_promotions: int, *, num_requests: int) -> Watched:
    """Serve a site, have clients draw, promote and roll back in turn; return what was met."""
    app = application(environment)
    twin = add_twin(app)
    server = Server("wsgi:app", environment)
    try:
        server.wait_until_ready("/readyz")
        with drawing(server.port) as watched:
            for version in itertools.islice(itertools.cycle((twin, "cnn-1")), num_promotions):
                time.sleep(PAUSE_SECONDS)
                watched.promotions.append((promote(app, version), version))
            time.sleep(PAUSE_SECONDS)
            while len(watched.answers) + len(watched.failures) < num_requests:
                time.sleep(POLL_SECONDS)
    finally:
        server.stop()
        close(app)
    return watched


def application(environment: Mapping[str, str]) -> Flask:
    """Return an application on the database that an environment names, prepared as at a start."""
    command = [sys.executable, "-m", "flask", "prepare"]
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    from webapp import create_app

    with patch.dict(os.environ, environment, clear=True):
        return create_app()


def close(app: Flask) -> None:
    """Close the database connections of an application."""
    from webapp.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def add_twin(app: Flask) -> str:
    """Save the shipped cnn once more; only its card is another. Return its name."""
    from webapp.db import begin_write, db
    from webapp.models import ModelVersion

    with app.app_context():
        shipped = db.session.get_one(ModelVersion, "cnn-1").bundle()
        begin_write()
        card = dataclasses.replace(shipped.card, parent="cnn-1")
        name = ModelVersion.add(dataclasses.replace(shipped, card=card), origin="train").name
        db.session.commit()
    return name


def promote(app: Flask, name: str) -> float:
    """Make a version live and return the moment at which that was committed."""
    from webapp.db import begin_write, db
    from webapp.models import ModelVersion, Promotion

    with app.app_context():
        begin_write()
        version = db.session.get_one(ModelVersion, name)
        Promotion.promote([version], by="benchmark", reason="to measure")
        db.session.commit()
        return time.perf_counter()


@contextmanager
def drawing(port: int) -> Iterator[Watched]:
    """Have clients draw in the background for as long as the context lasts."""
    watched, done = Watched(), threading.Event()
    threads = [
        threading.Thread(target=_draw_on, args=(port, seed, watched, done))
        for seed in range(NUM_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield watched
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _draw_on(port: int, seed: int, watched: Watched, done: threading.Event) -> None:
    bodies = [drawings.as_strokes(seed * NUM_DRAWINGS + at) for at in range(NUM_DRAWINGS)]
    waiting = itertools.cycle(bodies)
    while not done.is_set():
        connection = http.client.HTTPConnection(LOCAL, port, timeout=TIMEOUT_SECONDS)
        try:
            for body in itertools.islice(waiting, REQUESTS_PER_CONNECTION):
                watched.answers.append(_ask(connection, body))
        except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
            watched.failures.append(repr(error))
        finally:
            connection.close()


def _ask(connection: http.client.HTTPConnection, body: bytes) -> Answer:
    asked_at = time.perf_counter()
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/v1/predictions", body, headers)
    response = connection.getresponse()
    told = response.read()
    if response.status != 201:
        raise ValueError(f"{response.status}: {told[:200]!r}")
    (digit,) = json.loads(told)["digits"]
    seconds = time.perf_counter() - asked_at
    return Answer(asked_at, seconds, digit["models"]["cnn"]["version"])


if __name__ == "__main__":
    sys.exit(main())
