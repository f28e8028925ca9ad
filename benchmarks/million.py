"""A site with a million digits in SQLite, made in bulk, for measuring the history and the queue."""

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from ulid import ULID

from benchmarks.servers import ROOT
from ml import preprocessing, samples
from tests.pen import CANVAS, write

NUM_DIGITS = 1_000_000
NUM_VISITORS = 400
NUM_PICTURES = 1_000
REVIEWER = ("Bob", "correct horse battery")
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=900)
VERSIONS = 4
SHARE_CORRECTED = 0.03
UNSURE_BELOW = 0.8
SOURCES = (("canvas", 0.7), ("upload", 0.15), ("api", 0.1), ("batch", 0.05))
STATES = (("pending", 0.2), ("accepted", 0.7), ("rejected", 0.1))


@dataclass(frozen=True)
class Answers:
    """What was read, as columns of equal length."""

    truth: Any
    label: Any
    confidence: Any
    margin: Any
    unsure: Any
    disagree: Any
    refused: Any
    other: Any


def prepare(folder: Path, num_digits: int = NUM_DIGITS) -> dict[str, str]:
    """Make an instance with that many digits, unless it is there; return its environment."""
    environment = {**os.environ, "INKLING_INSTANCE": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("DATABASE_URL", None)
    done = folder / f"{num_digits}.done"
    flask(environment, "prepare")
    if not done.exists():
        flask(environment, "reviewers", "add", REVIEWER[0], "--password", REVIEWER[1])
        fill(folder / "inkling.sqlite3", num_digits)
        done.touch()
    return environment


def flask(environment: dict[str, str], *command: str) -> None:
    """Run a `flask` command of the site."""
    full = [sys.executable, "-m", "flask", *command]
    subprocess.run(full, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


def fill(path: Path, num_digits: int) -> None:
    """Insert the digits with everything that belongs to them; indexes are made in the end."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    indexes = connection.execute(query).fetchall()
    connection.execute("BEGIN")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    more_versions(connection)
    visitors = add_visitors(connection)
    random = np.random.default_rng(1)
    add_digits(connection, visitors, num_digits, random)
    add_corrections(connection, num_digits, random)
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def more_versions(connection: sqlite3.Connection) -> None:
    """Copy the shipped versions' records, so that there are several to filter by."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(model_version)")]
    rest = ", ".join(one for one in columns if one not in ("name", "number"))
    for number in range(2, VERSIONS + 1):
        connection.execute(
            f"INSERT INTO model_version (name, number, {rest})"  # noqa: S608 - columns of ours
            f" SELECT family || '-{number}', {number}, {rest} FROM model_version WHERE number = 1"
        )


def add_visitors(connection: sqlite3.Connection) -> list[str]:
    """Insert the visitors and return their ids."""
    ids = [str(ULID()).lower() for _ in range(NUM_VISITORS)]
    rows = [(one, FIRST_DAY.isoformat(" ")) for one in ids]
    connection.executemany("INSERT INTO visitor (id, created_at) VALUES (?, ?)", rows)
    return ids


def add_digits(
    connection: sqlite3.Connection, visitors: Sequence[str], count: int, random: Any
) -> None:
    """Insert submissions of one digit each, with picture, strokes and both models' answers."""
    columns = digit_columns(visitors, count, random)
    insert(connection, "submission", SUBMISSION, submission_rows(columns))
    insert(connection, "digit", list(columns), zip(*columns.values(), strict=True))
    ids = columns["id"]
    pictures, labels = known_pictures()
    seen = picture_of(columns, labels, random)
    rows = ((one, pictures[at]) for one, at in zip(ids, seen, strict=True))
    insert(connection, "picture", ["digit_id", "pixels"], rows)
    strokes = [
        [json.dumps(write(label, seed)).encode() for seed in range(8)] for label in range(10)
    ]
    originals = (
        (one, "application/json", strokes[labels[at]][at % 8])
        for one, at in zip(columns["submission_id"], seen, strict=True)
    )
    insert(connection, "original", ["submission_id", "media_type", "content"], originals)
    for family in ("cnn", "dnn"):
        insert(connection, "model_prediction", PREDICTION, prediction_rows(columns, family))


SUBMISSION = ["id", "visitor_id", "source", "width", "height", "created_at"]
PREDICTION = ["digit_id", "version_name", "label", "confidence", "probabilities"]


def insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Any) -> None:
    """Insert many rows."""
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
    connection.executemany(statement, rows)


def answers(count: int, random: Any) -> Answers:
    """Invent answers: most sure, one in fifteen unsure, one in a hundred refused."""
    truth = random.integers(0, 10, count)
    other = (truth + random.integers(1, 10, count)) % 10
    confidence = np.where(
        random.random(count) < 0.92,
        1 - random.random(count) ** 4 * 0.2,
        random.random(count) * 0.6 + 0.35,
    )
    margin = np.clip(2 * confidence - 1, 0, 1) * random.random(count) ** 0.1
    disagree = (confidence < 0.7) & (random.random(count) < 0.5)
    refused = random.random(count) < 0.01
    wrong = random.random(count) > confidence
    label = np.where(wrong, other, truth)
    unsure = ~refused & (disagree | (confidence < UNSURE_BELOW))
    return Answers(truth, label, confidence, margin, unsure, disagree, refused, other)


def digit_columns(visitors: Sequence[str], count: int, random: Any) -> dict[str, list[Any]]:
    """Return the columns of the digits, oldest first, before anybody corrected one."""
    said = answers(count, random)
    start = FIRST_DAY.timestamp()
    seconds = start + np.sort(random.random(count)) * SPAN.total_seconds()
    versions = 1 + (np.arange(count) * VERSIONS // max(count, 1))
    doubt = np.where(said.refused, 0.5, np.where(said.unsure, 1 - said.margin, np.nan))
    labels = [
        None if no else int(label) for label, no in zip(said.label, said.refused, strict=True)
    ]
    ids = make_ids(seconds, random)
    return {
        "id": ids,
        "submission_id": make_ids(seconds, random),
        "visitor_id": [visitors[at] for at in random.integers(0, len(visitors), count)],
        "line": [0] * count,
        "position": [0] * count,
        "x": [60.0] * count,
        "y": [60.0] * count,
        "width": [140.0] * count,
        "height": [160.0] * count,
        "label": labels,
        "confidence": said.confidence.tolist(),
        "unsure": said.unsure.tolist(),
        "refused": ["not-a-digit" if no else None for no in said.refused],
        "alternatives": alternatives(said),
        "picture_sha256": [format(at, "064x") for at in range(count)],
        "preprocessing_version": [preprocessing.VERSION] * count,
        "holdout": (random.random(count) < 0.2).tolist(),
        "created_at": moments(seconds),
        "source": chosen(SOURCES, count, random),
        "reading": ["?" if label is None else str(label) for label in labels],
        "cnn_version": [f"cnn-{one}" for one in versions],
        "dnn_version": [f"dnn-{one}" for one in versions],
        "disagree": said.disagree.tolist(),
        "sureness": (said.confidence * 100).astype(int).tolist(),
        "margin": said.margin.tolist(),
        "correction_state": ["none"] * count,
        "conflict": [0] * count,
        "doubt": [None if np.isnan(one) else one for one in doubt.tolist()],
    }


def make_ids(seconds: Any, random: Any) -> list[str]:
    """Return ids that sort by time, as the site makes them."""
    chance = random.bytes(10 * len(seconds))
    stamps = (seconds * 1000).astype(np.int64).tolist()
    return [
        str(ULID(stamp.to_bytes(6, "big") + chance[10 * at : 10 * at + 10])).lower()
        for at, stamp in enumerate(stamps)
    ]


def moments(seconds: Any) -> list[str]:
    """Return times as SQLAlchemy writes them into SQLite."""
    return [datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for one in seconds]


def chosen(options: Sequence[tuple[str, float]], count: int, random: Any) -> list[str]:
    """Return random names, each with its share."""
    names, shares = zip(*options, strict=True)
    return [names[at] for at in random.choice(len(names), count, p=shares)]


def alternatives(said: Answers) -> list[str]:
    """Return the likeliest labels as they are stored."""
    rows = zip(said.label, said.confidence, said.other, said.margin, strict=True)
    return [
        f"[[{label}, {sure:.4f}], [{other}, {max(sure - margin, 0):.4f}]]"
        for label, sure, other, margin in rows
    ]


def submission_rows(columns: dict[str, list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Give one submission for each digit."""
    names = ("submission_id", "visitor_id", "source", "created_at")
    for one, visitor, source, moment in zip(*(columns[name] for name in names), strict=True):
        yield one, visitor, source, CANVAS, CANVAS, moment


def prediction_rows(columns: dict[str, list[Any]], family: str) -> Iterator[tuple[Any, ...]]:
    """Give one family's answers; where the models disagree the dnn says the second label."""
    rest = struct.Struct("<10d")
    names = ("id", f"{family}_version", "label", "confidence", "disagree")
    for one, version, label, sure, disagree in zip(*(columns[name] for name in names), strict=True):
        said = label or 0
        if disagree and family == "dnn":
            said = (said + 1) % 10
        shares = [(1 - sure) / 9] * 10
        shares[said] = sure
        yield one, version, said, sure, rest.pack(*shares)


def known_pictures() -> tuple[list[bytes], list[int]]:
    """Return test digits of MNIST, to look at, with their labels."""
    digits = samples.random_digits(NUM_PICTURES)
    return [one.tobytes() for one in digits.images], digits.labels.tolist()


def picture_of(columns: dict[str, list[Any]], labels: Sequence[int], random: Any) -> list[int]:
    """Choose for each digit a picture that shows what it was read as."""
    showing = [[at for at, one in enumerate(labels) if one == label] for label in range(10)]
    chance = random.integers(0, 1 << 30, len(columns["id"])).tolist()
    return [
        showing[label or 0][pick % len(showing[label or 0])]
        for label, pick in zip(columns["label"], chance, strict=True)
    ]


def add_corrections(connection: sqlite3.Connection, count: int, random: Any) -> None:
    """Correct some digits as visitors do; some of these were decided on."""
    picked = random.choice(count, int(count * SHARE_CORRECTED), replace=False)
    places = (np.sort(picked) + 1).tolist()
    states = chosen(STATES, len(places), random)
    labels = [None if one == 10 else one for one in random.integers(0, 11, len(places)).tolist()]
    digits = (
        "SELECT id, visitor_id, created_at, label, confidence, margin FROM digit WHERE rowid = ?"
    )
    for place, state, label in zip(places, states, labels, strict=True):
        one, visitor, moment, read, sure, margin = connection.execute(digits, (place,)).fetchone()
        correction = (str(ULID()).lower(), one, label, visitor, state, 0, moment)
        insert(connection, "correction", CORRECTION, [correction])
        decisions: list[tuple[Any, ...]] = [(correction[0], None, "pending", visitor, None, moment)]
        if state != "pending":
            decisions.append((correction[0], "pending", state, None, 1, moment))
        insert(connection, "decision", DECISION, decisions)
        differs = label != read and sure > 1 - margin
        doubt = None if state != "pending" else sure if differs else 1 - margin
        connection.execute(
            "UPDATE digit SET corrected_to = ?, correction_state = ?, doubt = ? WHERE id = ?",
            (-1 if label is None else label, state, doubt, one),
        )


CORRECTION = ["id", "digit_id", "label", "visitor_id", "state", "suspect", "created_at"]
DECISION = ["correction_id", "from_state", "to_state", "visitor_id", "reviewer_id", "created_at"]
