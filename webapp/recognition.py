"""Strokes or the bytes of a picture to a saved submission; the only caller of `ml` in a request."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flask import Flask, abort, current_app, request
from sqlalchemy import func, select

from ml import explanation, images, preprocessing, samples, segmentation, strokes
from ml.datasets import DatasetError
from ml.images import KEPT_TYPE
from ml.preprocessing import Ink
from ml.reading import DigitAnswer, read_digits
from ml.segmentation import FoundDigit
from webapp import serving
from webapp.auth import (
    current_actor,
    ensure_visitor,
    remember_visitor,
    visitor_id_of_request,
)
from webapp.db import begin_write, db
from webapp.errors import BadInputError, ConflictError, UnavailableError, translate
from webapp.models import (
    Correction,
    Digit,
    ModelPrediction,
    Original,
    Picture,
    State,
    Submission,
    Visitor,
)
from webapp.models.corrections import check_label
from webapp.models.types import is_id

log = logging.getLogger(__name__)

MAX_CANVAS_SIDE = 20_000
LARGE_PICTURE_PIXELS = 1_000_000
"""Pictures above this wait for one of the few places in which they are decoded."""
MAX_KEY_LENGTH = 200
STROKES_TYPE = "application/json"
NO_SAMPLES = "There are no sample digits just now. The log of the server says why."


@dataclass(frozen=True)
class Reading:
    """What was found in strokes or a picture, and what both live models say about it."""

    digits: Sequence[FoundDigit]
    answers: Sequence[DigitAnswer]
    live: serving.Live
    width: int
    height: int
    media_type: str
    original: bytes

    @property
    def is_blank(self) -> bool:
        """Tell whether there was nothing to read."""
        return not self.digits


def init_app(app: Flask) -> None:
    """Set how much of what is slow one process does at a time."""
    places = app.config["INKLING_MAX_LARGE_PICTURES"]
    app.extensions["large_pictures"] = threading.BoundedSemaphore(places)
    app.extensions["explaining"] = threading.Lock()


def read_strokes(value: object, width: object = 280, height: object = 280) -> Reading:
    """Read a drawing.

    Args:
        value: decoded JSON, `[[[x, y], [x, y, t_ms, pressure], …], …]`.
        width, height: size of the canvas in the same units.

    Raises:
        HTTPException: 400 for what is malformed, 413 for too many points.
    """
    canvas = _canvas_side(width, "width"), _canvas_side(height, "height")
    try:
        drawing = strokes.parse_strokes(value, max_points=current_app.config["INKLING_MAX_POINTS"])
    except ValueError as error:
        raise translate(error) from error
    found = segmentation.digits_in_strokes(drawing, *canvas)
    kept = json.dumps(value, separators=(",", ":")).encode()
    return _ask(found, canvas, STROKES_TYPE, kept)


def read_picture(data: bytes) -> Reading:
    """Read a picture.

    Raises:
        HTTPException: 413 for too many pixels, 415 for what is no readable picture.
    """
    limit = current_app.config["INKLING_MAX_PIXELS"]
    try:
        width, height = images.read_size(data, max_pixels=limit)
        if width * height > LARGE_PICTURE_PIXELS:
            with current_app.extensions["large_pictures"]:
                photo = images.decode(data, max_pixels=limit)
        else:
            photo = images.decode(data, max_pixels=limit)
    except ValueError as error:
        raise translate(error) from error
    found = segmentation.digits_in_ink(photo.ink, photo.scale)
    return _ask(found, (photo.width, photo.height), KEPT_TYPE, photo.kept)


def _ask(
    found: list[FoundDigit], canvas: tuple[int, int], media_type: str, original: bytes
) -> Reading:
    live = serving.live()
    pictures = [digit.picture for digit in found]
    answers = read_digits(np.stack(pictures), live.recognisers) if pictures else []
    return Reading(found, answers, live, *canvas, media_type, original)


def _canvas_side(value: object, name: str) -> int:
    if type(value) not in (int, float) or not 1 <= value <= MAX_CANVAS_SIDE:  # type: ignore[operator]
        raise BadInputError(f"{name} must be a number from 1 to {MAX_CANVAS_SIDE}.")
    return round(value)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Sample:
    """A test digit of MNIST, what it is, and what both live models say of it."""

    picture: Ink
    label: int
    said: DigitAnswer


def read_samples(count: int) -> tuple[list[Sample], serving.Live]:
    """Have random test digits read; nothing is saved.

    Raises:
        HTTPException: 503 where the file that they come from cannot be read.
    """
    live = serving.live()
    try:
        digits = samples.random_digits(count)
    except DatasetError as error:
        log.error("There are no samples: %s", error)
        raise UnavailableError(NO_SAMPLES) from error
    answers = read_digits(digits.images, live.recognisers)
    labels = digits.labels.tolist()
    return [Sample(*one) for one in zip(digits.images, labels, answers, strict=True)], live


def explain(digit: Digit, cnn: serving.LiveVersion) -> Ink:
    """Draw what decided a digit's label; for a refused one the label that is likeliest.

    Asking takes a good part of a second of one core, so a process explains one at a time: the
    other interpreter goes on reading.

    Returns:
        uint8 (280, 280, 3).
    """
    picture = digit.picture.image
    with current_app.extensions["explaining"]:
        importance = explanation.explain(picture, cnn.recogniser, digit.alternatives[0][0])
    return explanation.draw(picture, importance)


@dataclass(frozen=True)
class IdempotencyKey:
    """What makes a retry of the same request known: hashes of the key and of what was sent."""

    key_sha256: str
    request_sha256: str


def idempotency_key(body: Callable[[], bytes]) -> IdempotencyKey | None:
    """Return the key of the request being answered, None if it has none.

    Args:
        body: gives what was sent; called only if there is a key.

    Raises:
        HTTPException: 400 for a key that is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise BadInputError(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters.")
    sent = f"{request.full_path}\n{request.mimetype}\n".encode() + body()
    return IdempotencyKey(*(hashlib.sha256(part).hexdigest() for part in (key.encode(), sent)))


def answered_before(key: IdempotencyKey) -> Submission | None:
    """Return the first answer to a request that is being retried, None if this is the first.

    Raises:
        HTTPException: 409 if the key was used for another request.
    """
    found = Submission.sent_with(
        key.key_sha256, visitor_id=visitor_id_of_request(), request_sha256=key.request_sha256
    )
    if found is None:
        return None
    if found.request_sha256 != key.request_sha256:
        raise ConflictError(
            "This Idempotency-Key was used for another request. Take a new key for a new drawing."
        )
    if found.visitor_id and visitor_id_of_request() is None:
        remember_visitor(found.visitor_id)
    return found


def answer(
    reading: Reading,
    *,
    source: str,
    replaces: str | None = None,
    key: IdempotencyKey | None = None,
) -> Submission | None:
    """Save what was read for the visitor who is asking, in one transaction.

    Args:
        reading: what was read.
        source: `canvas`, `upload` or `api`.
        replaces: id of the visitor's earlier answer to the same drawing, deleted if nobody
            corrected it.
        key: makes a second request with the same key return the first one's answer.

    Returns:
        The submission; None where there was nothing to read.
    """
    if reading.is_blank:
        return None
    begin_write()
    if key and (earlier := _answered_meanwhile(key)):
        return earlier
    visitor = ensure_visitor()
    if replaces:
        _delete_replaced(replaces, visitor)
    submission = _submission(reading, source, visitor)
    if key:
        submission.key_sha256, submission.request_sha256 = key.key_sha256, key.request_sha256
    db.session.add(submission)
    db.session.commit()
    return submission


def _answered_meanwhile(key: IdempotencyKey) -> Submission | None:
    """Look again now that nobody else can write; PostgreSQL needs a lock of its own for that."""
    if db.engine.dialect.name == "postgresql":
        lock = int(key.key_sha256[:15], 16)
        db.session.execute(select(func.pg_advisory_xact_lock(lock)))
    return answered_before(key)


def _delete_replaced(submission_id: str, visitor: Visitor) -> None:
    earlier = db.session.get(Submission, submission_id) if is_id(submission_id) else None
    if earlier and earlier.visitor_id == visitor.id and not earlier.has_corrections:
        Submission.delete_all(Submission.id == earlier.id)


def preview(reading: Reading) -> Submission:
    """Return the submission that would be saved, without ids and without saving it."""
    return _submission(reading, "api", None)


def _submission(reading: Reading, source: str, visitor: Visitor | None) -> Submission:
    submission = Submission(
        visitor_id=visitor.id if visitor else None,
        source=source,
        width=reading.width,
        height=reading.height,
    )
    if reading.media_type == STROKES_TYPE or current_app.config["INKLING_KEEP_ORIGINALS"]:
        submission.original = Original(media_type=reading.media_type, content=reading.original)
    for found, said in zip(reading.digits, reading.answers, strict=True):
        digit = new_digit(found.picture, visitor)
        digit.line, digit.position = found.line, found.position
        digit.x, digit.y, digit.width, digit.height = found.box
        fill_in(digit, said, reading.live)
        submission.digits.append(digit)
    return submission


def new_digit(picture: preprocessing.Ink, visitor: Visitor | None) -> Digit:
    """Return a digit record around a prepared picture, uint8 (28, 28)."""
    sha256 = preprocessing.picture_hash(picture)
    return Digit(
        visitor_id=visitor.id if visitor else None,
        picture=Picture(pixels=picture.tobytes()),
        picture_sha256=sha256,
        preprocessing_version=preprocessing.VERSION,
        holdout=preprocessing.is_holdout(sha256),
        # Said, so that nobody asks the database for what a new digit cannot have.
        corrections=[],
    )


def fill_in(digit: Digit, said: DigitAnswer, live: serving.Live) -> None:
    """Write down in a digit's record what the models said of it."""
    digit.label, digit.confidence = said.label, said.confidence
    digit.unsure, digit.refused = said.unsure, said.refused
    digit.alternatives = [(one.label, one.confidence) for one in said.alternatives]
    digit.model_predictions = [
        ModelPrediction(
            version_name=live.versions[family].name,
            label=model.label,
            confidence=model.confidence,
            probabilities=model.probabilities,
        )
        for family, model in said.models.items()
    ]


def own_submission(submission_id: str) -> Submission:
    """Return a submission with all that is shown of it; 404 unless the asker may see it."""
    query = Submission.whole().where(Submission.id == submission_id)
    found = db.session.scalar(query) if is_id(submission_id) else None
    if found is None or not current_actor().may_see(found):
        abort(404)
    return found


def own_digit(digit_id: str) -> Digit:
    """Return a digit; 404 unless the asker may see it."""
    found = db.session.get(Digit, digit_id) if is_id(digit_id) else None
    if found is None or not current_actor().may_see(found):
        abort(404)
    return found


def parse_label(value: object) -> int | None:
    """Return a correction's label: 0–9, None for "not a digit"; 400 for anything else."""
    try:
        return check_label(value)
    except ValueError as error:
        raise BadInputError(str(error)) from error


def correct(digit_id: str, label: int | None) -> Correction:
    """Record what the asker says a digit is, and commit."""
    begin_write()
    digit = own_digit(digit_id)
    actor = current_actor()
    correction = Correction.add(digit, label, visitor=actor.visitor, reviewer=actor.reviewer)
    db.session.commit()
    return correction


def undo_correction(digit_id: str) -> None:
    """Withdraw the asker's own newest correction of a digit, and commit; 404 if there is none."""
    begin_write()
    digit = own_digit(digit_id)
    actor = current_actor()
    own = [one for one in digit.corrections if actor.made(one) and one.state != State.WITHDRAWN]
    if not own:
        abort(404, "There is no correction of yours to undo on this digit.")
    own[-1].decide(State.WITHDRAWN, visitor=actor.visitor, reviewer=actor.reviewer)
    db.session.commit()


def delete_submission(submission_id: str) -> None:
    """Delete a submission that the asker may see, and commit; 404 otherwise."""
    begin_write()
    found = own_submission(submission_id)
    Submission.delete_all(Submission.id == found.id)
    db.session.commit()


def delete_all_mine() -> int:
    """Delete everything of the visitor who is asking, commit, and return how many it were."""
    begin_write()
    visitor_id = visitor_id_of_request()
    if visitor_id is None:
        return 0
    count = Submission.delete_all(Submission.visitor_id == visitor_id)
    db.session.commit()
    return count
