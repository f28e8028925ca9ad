"""SIGKILL at random moments of saving and promoting, or of a whole retraining.

    python -m benchmarks.kills                   twenty kills while versions are saved and promoted
    python -m benchmarks.kills --retrainings 5   and some of `flask retrain --promote` itself
    python -m benchmarks.kills --seed 7          other moments

After each kill the database is looked through and a drawing is read. Everything is on SQLite in a
temporary folder, and on PostgreSQL where initdb is.
"""

import argparse
import dataclasses
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from flask import Flask
from rich.console import Console
from rich.progress import track
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
    wrong = 0
    for name in ("SQLite", *(["PostgreSQL"] if postgresql.programs() else [])):
        with database(name) as environment:
            app = application(environment)
            moments = random.Random(arguments.seed)
            found = kill_some(app, environment, moments, arguments.kills)
            found += kill_retrainings(app, environment, moments, arguments.retrainings)
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
    wrong = []
    for _ in track(range(num_kills), "Killing", transient=True):
        with begun(command, environment):
            time.sleep(moments.uniform(0, longest))
        wrong += faults(app)
    return wrong


def seconds_of_a_round(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Return how long it takes here to save, promote and roll back once."""
    with begun(command, environment) as process:
        assert process.stdout
        started = time.monotonic()
        process.stdout.readline()
        return time.monotonic() - started


@contextmanager
def begun(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command from where it says that it begins to the end of the context, and kill it."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    process.stdout.readline()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"{command} ended by itself with {process.returncode}.")


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


def kill_retrainings(
    app: Flask, environment: Mapping[str, str], moments: random.Random, num_kills: int
) -> list[str]:
    """Let one retraining end to know how long it takes, then kill others on their way."""
    if not num_kills:
        return []
    accept_corrections(app)
    command = [sys.executable, "-m", "flask", "retrain", "--promote", "--force", "to be killed"]
    started = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    whole = time.monotonic() - started
    wrong = []
    for _ in track(range(num_kills), "Killing retrainings", transient=True):
        with begun(command, environment):
            time.sleep(moments.uniform(0, 0.9 * whole))
        wrong += faults(app)
    return wrong


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
