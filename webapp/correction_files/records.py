"""One correction as files know it, and its way from and to the database."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from ml import preprocessing
from ml.preprocessing import Ink
from ml.reading import read_digits
from webapp import recognition, serving
from webapp.db import begin_write, db
from webapp.models import Correction, Digit, Original, State, Submission

LESSONS_PER_TRANSACTION = 200
"""Few enough that a site which goes on meanwhile never waits long to write."""


@dataclass(frozen=True)
class Said:
    """What was read of a digit when it was handed in, and when that was."""

    label: int | None
    confidence: float
    unsure: bool
    refused: str | None
    alternatives: tuple[tuple[int, float], ...]
    read_at: datetime


@dataclass(frozen=True)
class Drawing:
    """The strokes that a digit was found in, as they were drawn, and its place among them.

    Attributes:
        strokes: JSON as it came, with times and pressure where they were told.
        width, height: the canvas.
        box: `(x, y, width, height)` of the digit, in the same units.
        line, position: its place in the reading, from 0.
    """

    strokes: str
    width: int
    height: int
    box: tuple[float, float, float, float]
    line: int = 0
    position: int = 0


@dataclass(frozen=True)
class Lesson:
    """A prepared picture, uint8 (28, 28), what it shows, and what else is known of it.

    Attributes:
        picture: as the models see it.
        label: 0–9, or None for "not a digit".
        preprocessing_version: how the picture was prepared.
        corrected_at: when somebody said so; None where the file does not tell.
        said: what was read; None where the live versions are to be asked.
        drawing: where the digit comes from; None where it is not kept, or was a picture.
    """

    picture: Ink
    label: int | None
    preprocessing_version: int = preprocessing.VERSION
    corrected_at: datetime | None = None
    said: Said | None = None
    drawing: Drawing | None = None

    @property
    def sha256(self) -> str:
        """The hash that a picture is known by."""
        return preprocessing.picture_hash(self.picture)


@dataclass(frozen=True)
class Fault:
    """Where in a file something cannot be used (`line 7`), and why."""

    where: str
    why: str

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.where}: {self.why}"


@dataclass
class Report:
    """What became of the corrections in a file."""

    added: int = 0
    known: int = 0
    faults: list[str] = field(default_factory=list)


def save(found: Iterable[Lesson | Fault]) -> Report:
    """Save corrections as accepted ones, some in each transaction, and note the faults."""
    report, waiting, drawings = Report(), iter(found), dict[tuple[str, int, int], str]()
    while some := list(islice(waiting, LESSONS_PER_TRANSACTION)):
        report.faults += [str(one) for one in some if isinstance(one, Fault)]
        _save([one for one in some if isinstance(one, Lesson)], report, drawings)
    return report


def _save(lessons: list[Lesson], report: Report, drawings: dict[tuple[str, int, int], str]) -> None:
    if not lessons:
        return
    live = serving.live()
    answers = read_digits(np.stack([one.picture for one in lessons]), live.recognisers)
    begin_write()
    known = _known_pairs([one.sha256 for one in lessons])
    for lesson, answer in zip(lessons, answers, strict=True):
        pair = (lesson.sha256, lesson.label)
        if pair in known:
            report.known += 1
            continue
        known.add(pair)
        digit = recognition.new_digit(lesson.picture, None)
        digit.preprocessing_version = lesson.preprocessing_version
        if lesson.drawing:
            _place(digit, lesson.drawing, drawings)
        if lesson.said is None:
            recognition.fill_in(digit, answer, live)
        else:
            _restore(digit, lesson.said)
        correction = Correction.add(digit, lesson.label)
        correction.created_at = lesson.corrected_at or correction.created_at
        report.added += 1
    db.session.commit()


def _restore(digit: Digit, said: Said) -> None:
    """Write down what was read then; which versions read it is known only where they are."""
    digit.label, digit.confidence = said.label, said.confidence
    digit.unsure, digit.refused = said.unsure, said.refused
    digit.alternatives = list(said.alternatives)
    digit.created_at = said.read_at


def _place(digit: Digit, drawing: Drawing, known: dict[tuple[str, int, int], str]) -> None:
    """Keep the drawing with a digit; digits of the same drawing share it, by the submission's id.

    It belongs to nobody, so that reviewers alone see it.
    """
    canvas = drawing.strokes, drawing.width, drawing.height
    submission = db.session.get(Submission, known[canvas]) if canvas in known else None
    if submission is None:
        submission = Submission(source="import", width=drawing.width, height=drawing.height)
        submission.original = Original(
            media_type=recognition.STROKES_TYPE, content=drawing.strokes.encode()
        )
        db.session.add(submission)
        db.session.flush()
        known[canvas] = submission.id
    digit.line, digit.position = drawing.line, drawing.position
    digit.x, digit.y, digit.width, digit.height = drawing.box
    submission.digits.append(digit)


def _known_pairs(hashes: list[str]) -> set[tuple[str, int | None]]:
    query = (
        select(Digit.picture_sha256, Correction.label)
        .join(Correction.digit)
        .where(Digit.picture_sha256.in_(hashes), Correction.state == State.ACCEPTED)
    )
    return {(row[0], row[1]) for row in db.session.execute(query)}


def stored() -> Iterator[Lesson]:
    """Give every correction that counts for training, oldest first, without holding them all."""
    after = ""
    while True:
        query = Correction.counting().where(Correction.id > after).limit(LESSONS_PER_TRANSACTION)
        query = query.options(joinedload(Correction.digit).joinedload(Digit.picture))
        corrections = db.session.scalars(query).all()
        if not corrections:
            return
        after = corrections[-1].id
        drawn = _drawn([one.digit.submission_id for one in corrections])
        for one in corrections:
            yield _lesson(one, drawn.get(one.digit.submission_id or ""))


def _drawn(submission_ids: Sequence[str | None]) -> dict[str, tuple[str, int, int]]:
    """Return the strokes, width and height of those submissions that were drawn and are kept."""
    query = select(Original.submission_id, Original.content, Submission.width, Submission.height)
    query = query.join(Submission, Submission.id == Original.submission_id).where(
        Original.submission_id.in_([one for one in submission_ids if one]),
        Original.media_type == recognition.STROKES_TYPE,
    )
    return {row[0]: (row[1].decode(), row[2], row[3]) for row in db.session.execute(query)}


def _lesson(correction: Correction, drawn: tuple[str, int, int] | None) -> Lesson:
    digit = correction.digit
    return Lesson(
        picture=digit.picture.image,
        label=correction.label,
        preprocessing_version=digit.preprocessing_version,
        corrected_at=correction.created_at,
        said=_said(digit),
        drawing=_drawing(digit, *drawn) if drawn else None,
    )


def _drawing(digit: Digit, strokes: str, width: int, height: int) -> Drawing:
    box = digit.x, digit.y, digit.width, digit.height
    return Drawing(strokes, width, height, box, digit.line, digit.position)


def _said(digit: Digit) -> Said | None:
    if digit.confidence is None:
        return None
    alternatives = tuple((label, confidence) for label, confidence in digit.alternatives)
    return Said(
        label=digit.label,
        confidence=digit.confidence,
        unsure=digit.unsure,
        refused=digit.refused,
        alternatives=alternatives,
        read_at=digit.created_at,
    )
