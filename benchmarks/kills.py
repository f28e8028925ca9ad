"""SIGKILL at random moments of saving and promoting, or of a whole retraining.

    python -m benchmarks.kills                   twenty kills while versions are saved and promoted
    python -m benchmarks.kills --retrainings 5   and some of `flask retrain --promote` itself
    python -m benchmarks.kills --seed 7          other moments

After each kill the processes that it should have taken along are looked for, the database is looked
through and a drawing is read; a line says what was found. Everything is on SQLite in a temporary
folder, and on PostgreSQL where initdb is.
"""

import argparse
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from flask import Flask
from rich.console import Console
from rich.table import Table

from benchmarks import drawings, postgresql
from benchmarks.promotion import application, close, database
from benchmarks.servers import ROOT
from ml.bundle import BundleError
from ml.gate import GateReport
from webapp import create_app, outcomes, reports, retraining, serving
from webapp.db import begin_write, db
from webapp.models import ModelVersion, Promotion
from webapp.retraining import Candidate, live_bundles

NUM_KILLS = 20
NUM_ROUNDS = 2
"""A kill comes within so many rounds of saving, promoting and rolling back."""
NUM_CORRECTIONS = 40
KEPT_VERSIONS = 2
SECONDS_TO_END = 10
"""A process beside the killed one notices its end by itself, once its libraries let it."""

RETRAIN = [sys.executable, "-m", "flask", "retrain", "--promote", "--force", "to be killed"]
GO_ON = """
from benchmarks.kills import save_and_promote_on_and_on
save_and_promote_on_and_on()
"""


def main() -> int:
    """Kill again and again on each database and print what was found; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=NUM_KILLS)
    parser.add_argument("--retrainings", type=int, default=0, help="kills of flask retrain itself")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    table = Table("database", "kills", "versions saved", "promotions", "found wrong")
    wrong, longest = 0, None
    for name in ("SQLite", *(["PostgreSQL"] if postgresql.programs() else [])):
        with database(name) as environment:
            app = application(environment)
            moments = random.Random(arguments.seed)
            print(f"{name}: killing what saves and promotes", flush=True)
            found = kill_some(app, environment, moments, arguments.kills)
            if arguments.retrainings:
                print(f"{name}: killing flask retrain", flush=True)
                accept_corrections(app)
                longest = longest or seconds_of_a_retraining(environment)
                found += kill_retrainings(
                    app, environment, moments, arguments.retrainings, longest=longest
                )
            saved, promoted = counts(app)
            close(app)
        wrong += len(found)
        kills = arguments.kills + arguments.retrainings
        table.add_row(name, str(kills), str(saved), str(promoted), "\n".join(found) or "nothing")
    Console().print(table)
    return int(wrong > 0)


def kill_some(
    app: Flask, environment: Mapping[str, str], moments: random.Random, num_kills: int
) -> list[str]:
    """Kill a process that saves and promotes, so many times; return what was found wrong."""
    command = [sys.executable, "-c", GO_ON]
    longest = NUM_ROUNDS * seconds_of_a_round(command, environment)
    seconds = [moments.uniform(0, longest) for _ in range(num_kills)]
    return kill_each(app, command, environment, seconds)


def seconds_of_a_round(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return how long it takes here to save, promote and roll back once."""
    with begun(command, environment) as process:
        assert process.stdout
        started = time.monotonic()
        process.stdout.readline()
        return time.monotonic() - started


def kill_each(
    app: Flask, command: Sequence[str], environment: Mapping[str, str], seconds: Sequence[float]
) -> list[str]:
    """Begin a command again and again, kill it after so many seconds each time, and look."""
    wrong = []
    for number, one in enumerate(seconds, start=1):
        process_id, after = killed(command, environment, one)
        found = [*outliving(process_id), *faults(app)]
        told = "; ".join(found) or "nothing wrong"
        print(f"  {number} of {len(seconds)}, killed after {after:.1f} s: {told}", flush=True)
        wrong += found
    return wrong


def killed(
    command: Sequence[str], environment: Mapping[str, str], seconds: float
) -> tuple[int, float]:
    """Begin a command and kill it after so many seconds; return its id, and after how many.

    Where it ended before, since the machine had less else to do, it is begun once more and killed
    after half of that.
    """
    while True:
        with begun(command, environment) as process, suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        if process.returncode:
            return process.pid, seconds
        seconds /= 2


@contextmanager
def begun(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command from where it says that it begins to the end of the context, and kill it.

    It has a session of its own, by which what it leaves behind is known. What it says is not read
    to its end: that comes only once everything has ended which it began.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout
    process.stdout.readline()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    if process.returncode not in (-signal.SIGKILL, 0):
        raise RuntimeError(f"{command} ended by itself with {process.returncode}.")


def outliving(session: int) -> list[str]:
    """Wait for the processes that a killed one began; say of each that did not end, and end it."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (left := _processes_of(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process_id in left:
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    return [f"Process {one} outlived the killed one." for one in left]


def _processes_of(session: int) -> list[int]:
    """Return which processes of a session run, where Linux tells; ended ones may wait to be read.

    The fields are those of proc_pid_stat(5), after the name, which may hold anything.
    """
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, of = file.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.append(int(file.parent.name))
    return found


def save_and_promote_on_and_on() -> None:
    """Do for ever what the end of a retraining does, with versions that learned nothing new."""
    with create_app().app_context(), retraining.only_one():
        print("I begin.", flush=True)
        while True:
            current = Promotion.current()
            assert current
            saved = list(retraining.save(_candidates(current), until=0).values())
            reports.write_missing()
            outcomes.ask(saved)
            retraining.promote(saved, replacing=current.id, by="benchmark", reason="to be killed")
            begin_write()
            Promotion.roll_back(by="benchmark", reason="so that old versions can be pruned")
            db.session.commit()
            begin_write()
            ModelVersion.prune(KEPT_VERSIONS)
            db.session.commit()
            print("Once more.", flush=True)


def _candidates(current: Promotion) -> list[Candidate]:
    """Return the live versions once more, as though they had been taught and had passed."""
    return [
        Candidate(
            family=family,
            bundle=dataclasses.replace(
                bundle, card=dataclasses.replace(bundle.card, parent=current.versions[family].name)
            ),
            report=GateReport(()),
            parent=current.versions[family].name,
        )
        for family, bundle in live_bundles(current).items()
    ]


def seconds_of_a_retraining(environment: Mapping[str, str]) -> float:
    """Let a retraining end, and return for how long it may be on its way when it is killed."""
    print("  one retraining to its end, to know how long it takes", flush=True)
    with subprocess.Popen(
        RETRAIN, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        process.stdout.readline()
        started = time.monotonic()
        process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"{RETRAIN} ended with {process.returncode}.")
    whole = time.monotonic() - started
    print(f"  {whole:.0f} s from its first word", flush=True)
    return 0.9 * whole


def kill_retrainings(
    app: Flask,
    environment: Mapping[str, str],
    moments: random.Random,
    num_kills: int,
    *,
    longest: float,
) -> list[str]:
    """Kill retrainings on their way, one in each equal part of the time that they take."""
    parts = [(number + moments.random()) / num_kills for number in range(num_kills)]
    return kill_each(app, RETRAIN, environment, [longest * part for part in parts])


def accept_corrections(app: Flask) -> None:
    """Have something to learn from: drawings with their label."""
    lines = "\n".join(
        json.dumps({**json.loads(drawings.as_strokes(seed)), "label": 3})
        for seed in range(NUM_CORRECTIONS)
    )
    app.test_cli_runner().invoke(args=["corrections", "import", "-"], input=lines)


def counts(app: Flask) -> tuple[int, int]:
    """Return how many versions and how many promotions there are."""
    with app.app_context():
        return db.session.query(ModelVersion).count(), db.session.query(Promotion).count()


def faults(app: Flask) -> list[str]:
    """Look a database through after a kill; return what is not as it should be, in sentences."""
    close(app)
    with app.app_context():
        found = [*_damaged(), *_half_saved(), *_unpromotable(), *_locked()]
        db.session.rollback()
    return [*found, *_unanswered(app)]


def _damaged() -> list[str]:
    if db.engine.dialect.name != "sqlite":
        return []
    told = db.session.scalars(db.text("PRAGMA integrity_check")).all()
    orphans = db.session.execute(db.text("PRAGMA foreign_key_check")).all()
    return [f"The file is damaged: {told}"] * (told != ["ok"]) + [f"{row}" for row in orphans]


def _half_saved() -> list[str]:
    """Versions of a retraining come in pairs, each with all of its files or pruned."""
    wrong = []
    versions = db.session.query(ModelVersion).all()
    families = [version.family for version in versions]
    if families.count("cnn") != families.count("dnn"):
        wrong.append("One version of a pair was saved and the other one was not.")
    for version in versions:
        try:
            if version.has_files:
                version.bundle()
        except BundleError as error:
            wrong.append(f"{version.name}: {error}")
    return wrong


def _unpromotable() -> list[str]:
    """What is live has its files, and so has what a rollback would make live."""
    without = sorted(Promotion.needed() - ModelVersion.with_files())
    return [f"{name} is needed and has no files." for name in without]


def _locked() -> list[str]:
    deadline = time.monotonic() + 5  # PostgreSQL notices a moment later that its client is gone.
    while True:
        try:
            with retraining.only_one():
                return []
        except retraining.RetrainingError as error:
            if time.monotonic() > deadline:
                return [f"The lock outlived its holder: {error}"]
            time.sleep(0.05)


def _unanswered(app: Flask) -> list[str]:
    """A process that starts now serves the newest promotion, and saves what it reads."""
    app.extensions["serving"] = serving.Serving()
    body = drawings.as_strokes(0)
    response = app.test_client().post(
        "/api/v1/predictions", data=body, content_type="application/json"
    )
    if response.status_code != 201:
        return [f"A drawing is answered with {response.status}: {response.text[:200]}"]
    (digit,) = response.get_json()["digits"]
    answered = {family: model["version"] for family, model in digit["models"].items()}
    with app.app_context():
        current = Promotion.current()
        live = {family: one.name for family, one in current.versions.items()} if current else {}
    return [] if answered == live else [f"{live} is live, and {answered} answers."]


if __name__ == "__main__":
    sys.exit(main())
