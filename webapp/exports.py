"""The history as a file of any size, sent while it is made: CSV, JSON lines, a ZIP of pictures."""

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Response, stream_with_context
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from stream_zip import NO_COMPRESSION_64, MemberFile, stream_zip

from ml.datasets import NOT_A_DIGIT
from ml.images import to_png
from ml.reading import NOT_A_DIGIT as NOT_A_DIGIT_WORD
from webapp import spreadsheets
from webapp.db import db
from webapp.models import Digit
from webapp.models.history import History

CHUNK = 500
READABLE = 0o100644
"""A plain file that everybody may read and its owner may change."""
Row = dict[str, Any]


def stream(history: History | None, form: str, *, with_visitors: bool) -> Response:
    """Answer with a file of all digits that a filter shows.

    Args:
        history: which digits; None for none.
        form: `csv`, `jsonl` or `zip`.
        with_visitors: whether the file says whose they are.
    """
    write, media_type = FORMS[form]
    chunks = _digits(history, pictures=form == "zip")
    response = Response(
        stream_with_context(write(chunks, with_visitors)),
        mimetype=media_type,
    )
    response.headers["Content-Disposition"] = f'attachment; filename="inkling.{form}"'
    response.cache_control.private = True
    return response


def _digits(history: History | None, *, pictures: bool) -> Iterator[list[Digit]]:
    """Give the digits in the view's order with all that is written of them, some at a time."""
    options: list[Any] = [selectinload(Digit.model_predictions)]
    if pictures:
        options.append(joinedload(Digit.picture))
    for ids in history.chunks(CHUNK) if history else ():
        found = db.session.scalars(select(Digit).where(Digit.id.in_(ids)).options(*options))
        by_id = {digit.id: digit for digit in found}
        yield [by_id[one] for one in ids if one in by_id]
        db.session.expunge_all()
        db.session.rollback()


def row(digit: Digit, *, with_visitor: bool) -> Row:
    """Return what a file says of a digit."""
    models = digit.models
    said: Row = {
        "digit": digit.id,
        "prediction": digit.submission_id,
        "at": digit.created_at.isoformat(timespec="seconds"),
        "source": digit.source,
        "reading": digit.reading,
        "read_as": digit.label,
        "confidence": digit.confidence,
        "unsure": digit.unsure,
        "refused": digit.refused,
        "disagree": digit.disagree,
        "corrected_to": NOT_A_DIGIT_WORD
        if digit.corrected_to == NOT_A_DIGIT
        else digit.corrected_to,
        "correction": digit.correction_state,
        "conflict": digit.conflict,
        "cnn": digit.cnn_version,
        "cnn_label": models["cnn"].label if "cnn" in models else None,
        "dnn": digit.dnn_version,
        "dnn_label": models["dnn"].label if "dnn" in models else None,
        "box": json.dumps(digit.box),
        "picture_sha256": digit.picture_sha256,
    }
    return {**said, "visitor": digit.visitor_id} if with_visitor else said


def _csv(chunks: Iterator[list[Digit]], with_visitors: bool) -> Iterator[str]:
    """Write a table with a head, also for no digits at all."""
    head = [*COLUMNS, "visitor"] if with_visitors else COLUMNS
    yield _lines([head])
    for digits in chunks:
        rows = [row(one, with_visitor=with_visitors) for one in digits]
        yield _lines([[spreadsheets.cell(one[name]) for name in head] for one in rows])


def _lines(rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _json_lines(chunks: Iterator[list[Digit]], with_visitors: bool) -> Iterator[str]:
    for digits in chunks:
        rows = [{**row(one, with_visitor=with_visitors), "box": one.box} for one in digits]
        yield "".join(f"{json.dumps(one)}\n" for one in rows)


def _zip(chunks: Iterator[list[Digit]], _with_visitors: bool) -> Iterator[bytes]:
    """Pack the 28×28 pictures, in a folder for each label that stands."""
    yield from stream_zip(_member(digit) for digits in chunks for digit in digits)


def _member(digit: Digit) -> MemberFile:
    """Return a digit's picture as a file of an archive; PNGs are packed already."""
    png = to_png(digit.picture.image)
    method = NO_COMPRESSION_64(len(png), zlib.crc32(png))
    name = f"{_folder(digit)}/{digit.id}.png"
    return name, digit.created_at, READABLE, method, (png,)


def _folder(digit: Digit) -> str:
    """Return the label that stands: the correction's unless it was rejected, else what was read."""
    rejected = digit.correction_state == "rejected"
    label = digit.label if digit.corrected_to is None or rejected else digit.corrected_to
    return NOT_A_DIGIT_WORD if label in (None, NOT_A_DIGIT) else str(label)


COLUMNS = [
    "digit",
    "prediction",
    "at",
    "source",
    "reading",
    "read_as",
    "confidence",
    "unsure",
    "refused",
    "disagree",
    "corrected_to",
    "correction",
    "conflict",
    "cnn",
    "cnn_label",
    "dnn",
    "dnn_label",
    "box",
    "picture_sha256",
]
Writer = Callable[[Iterator[list[Digit]], bool], Iterator[str] | Iterator[bytes]]
FORMS: dict[str, tuple[Writer, str]] = {
    "csv": (_csv, "text/csv"),
    "jsonl": (_json_lines, "application/x-ndjson"),
    "zip": (_zip, "application/zip"),
}
