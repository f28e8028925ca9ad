"""Corrections as files: JSON lines in, JSON lines out."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flask import current_app
from sqlalchemy import select

from ml import images, preprocessing, segmentation, strokes
from ml.preprocessing import Ink
from ml.reading import read_digits
from webapp import recognition, serving
from webapp.db import begin_write, db
from webapp.models import Correction, Digit, State
from webapp.models.corrections import check_label

LINES_PER_TRANSACTION = 200
"""Few enough that a site which goes on meanwhile never waits long to write."""


@dataclass(frozen=True)
class Lesson:
    """One line of a file: a prepared picture, uint8 (28, 28), and what it shows."""

    picture: Ink
    label: int | None


@dataclass
class Report:
    """What became of the lines of a file."""

    added: int = 0
    known: int = 0
    faults: list[str] = field(default_factory=list)


def import_lines(lines: Iterable[str]) -> Report:
    """Save the corrections of a file as accepted ones, and commit.

    Faulty lines are named by number and skipped; the same picture with the same label counts once.
    """
    report = Report()
    lessons: list[Lesson] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            lessons.append(parse_line(line))
        except ValueError as error:
            report.faults.append(f"line {number}: {error}")
        if len(lessons) == LINES_PER_TRANSACTION:
            _save(lessons, report)
            lessons = []
    _save(lessons, report)
    return report


def parse_line(line: str) -> Lesson:
    """Read one line: `{"strokes": … or "image": base64, "label": 0–9 or null}`.

    Raises:
        ValueError: the line is not of this form, or does not hold exactly one digit.
    """
    try:
        values: Any = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(values, dict) or "label" not in values:
        raise ValueError('expected {"strokes": … or "image": …, "label": 0–9 or null}')
    label = check_label(values["label"])
    if ("image" in values) == ("strokes" in values):
        raise ValueError("expected one of strokes and image")
    return Lesson(_image(values["image"]) if "image" in values else _strokes(values), label)


def _strokes(values: dict[str, Any]) -> Ink:
    limit = current_app.config["INKLING_MAX_POINTS"]
    drawing = strokes.parse_strokes(values["strokes"], max_points=limit)
    return _only(segmentation.digits_in_strokes(drawing, 0, 0) if drawing else [])


def _image(encoded: object) -> Ink:
    if not isinstance(encoded, str):
        raise ValueError("image is not base64 text")
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError(f"image is not base64 ({error})") from error
    limit = current_app.config["INKLING_MAX_PIXELS"]
    prepared = images.prepared_picture(data, max_pixels=limit)
    if prepared is None:
        photo = images.decode(data, max_pixels=limit)
        return _only(segmentation.digits_in_ink(photo.ink, photo.scale))
    if not prepared.any():
        raise ValueError("the picture is blank")
    return prepared


def _only(found: list[segmentation.FoundDigit]) -> Ink:
    if len(found) != 1:
        raise ValueError(f"expected exactly one digit, found {len(found)}")
    return found[0].picture


def _save(lessons: list[Lesson], report: Report) -> None:
    """Save some lines in one transaction, with what the live versions say about them."""
    if not lessons:
        return
    live = serving.live()
    answers = read_digits(np.stack([one.picture for one in lessons]), live.recognisers)
    begin_write()
    known = _known_pairs([preprocessing.picture_hash(one.picture) for one in lessons])
    for lesson, answer in zip(lessons, answers, strict=True):
        pair = (preprocessing.picture_hash(lesson.picture), lesson.label)
        if pair in known:
            report.known += 1
            continue
        known.add(pair)
        digit = recognition.new_digit(lesson.picture, None)
        recognition.fill_in(digit, answer, live)
        Correction.add(digit, lesson.label)
        report.added += 1
    db.session.commit()


def _known_pairs(hashes: list[str]) -> set[tuple[str, int | None]]:
    query = (
        select(Digit.picture_sha256, Correction.label)
        .join(Correction.digit)
        .where(Digit.picture_sha256.in_(hashes), Correction.state == State.ACCEPTED)
    )
    return {(row[0], row[1]) for row in db.session.execute(query)}


def export_lines() -> Iterator[str]:
    """Give every correction that counts for training as a line of JSON."""
    for correction in Correction.lessons():
        digit = correction.digit
        yield json.dumps(
            {
                "image": base64.b64encode(images.to_png(digit.picture.image)).decode(),
                "label": correction.label,
                "read_as": digit.label,
                "confidence": digit.confidence,
                "holdout": digit.holdout,
                "preprocessing_version": digit.preprocessing_version,
                "corrected_at": correction.created_at.isoformat(),
            }
        )
