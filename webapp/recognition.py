"""Strokes or the bytes of a picture to a saved submission; the only caller of `ml` in a request."""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from flask import Flask, abort, current_app

from ml import explanation, forms, images, preprocessing, samples, segmentation, strokes
from ml.datasets import DatasetError
from ml.forms import Field, Form
from ml.images import KEPT_TYPE, Photo
from ml.preprocessing import Ink
from ml.reading import DigitAnswer, judge, read_digits
from ml.segmentation import FoundDigit
from webapp import actions, idempotency, serving
from webapp.auth import (
    current_actor,
    ensure_visitor,
    visitor_id_of_request,
)
from webapp.db import begin_write, db
from webapp.errors import BadInputError, UnavailableError, translate
from webapp.models import (
    Action,
    Batch,
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
    live = serving.live()
    found = segmentation.digits_in_strokes(drawing, *canvas, judge(live.recognisers))
    kept = json.dumps(value, separators=(",", ":")).encode()
    return Reading(found, ask(found, live), live, *canvas, STROKES_TYPE, kept)


def read_picture(data: bytes) -> Reading:
    """Read a picture.

    Raises:
        HTTPException: 413 for too many pixels, 415 for what is no readable picture.
    """
    return read_photo(decode(data))


def decode(data: bytes) -> Photo:
    """Decode a picture; a large one waits for its turn. Raises as `read_picture` does."""
    limit = current_app.config["INKLING_MAX_PIXELS"]
    try:
        width, height = images.read_size(data, max_pixels=limit)
        if width * height <= LARGE_PICTURE_PIXELS:
            return images.decode(data, max_pixels=limit)
        with current_app.extensions["large_pictures"]:
            return images.decode(data, max_pixels=limit)
    except ValueError as error:
        raise translate(error) from error


def read_photo(photo: Photo) -> Reading:
    """Read a picture that is decoded."""
    live = serving.live()
    found = segmentation.digits_in_ink(photo.ink, photo.scale, judge(live.recognisers))
    size = photo.width, photo.height
    return Reading(found, ask(found, live), live, *size, KEPT_TYPE, photo.kept)


def read_form(data: bytes, form: Form) -> tuple[Reading, list[Field]]:
    """Read a page of a form; each field is a line of the reading. Raises as `read_picture` does."""
    live, photo = serving.live(), decode(data)
    fields = forms.read(photo, form, live.recognisers)
    found = [
        replace(digit, line=number, position=at)
        for number, field in enumerate(fields)
        for at, digit in enumerate(field.digits)
    ]
    answers = [said for field in fields for said in field.answers]
    size = photo.width, photo.height
    return Reading(found, answers, live, *size, KEPT_TYPE, photo.kept), fields


def ask(found: Sequence[FoundDigit], live: serving.Live) -> list[DigitAnswer]:
    """Return what both models say of digits that were found."""
    pictures = [digit.picture for digit in found]
    return read_digits(np.stack(pictures), live.recognisers) if pictures else []


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


def answer(
    reading: Reading,
    *,
    source: str,
    replaces: str | None = None,
    key: idempotency.Key | None = None,
) -> Submission | None:
    """Save what was read for the visitor who is asking, in one transaction.

    Args:
        reading: what was read.
        source: `canvas`, `upload`, `api` or `batch`.
        replaces: id of the visitor's earlier answer to the same drawing, deleted if nobody
            corrected it.
        key: makes a second request with the same key return the first one's answer.

    Returns:
        The submission; None where there was nothing to read.
    """
    if reading.is_blank:
        return None
    begin_write()
    if key and (earlier := idempotency.answered_meanwhile(key)):
        return earlier
    visitor = ensure_visitor()
    if replaces:
        _delete_replaced(replaces, visitor)
    submission = new_submission(reading, source, visitor.id)
    if key:
        submission.key_sha256, submission.request_sha256 = key.key_sha256, key.request_sha256
    db.session.add(submission)
    db.session.commit()
    return submission


def _delete_replaced(submission_id: str, visitor: Visitor) -> None:
    earlier = db.session.get(Submission, submission_id) if is_id(submission_id) else None
    if earlier and earlier.visitor_id == visitor.id and not earlier.has_corrections:
        Submission.delete_all(Submission.id == earlier.id)


def preview(reading: Reading) -> Submission:
    """Return the submission that would be saved, without ids and without saving it."""
    return new_submission(reading, "api", None)


def new_submission(reading: Reading, source: str, visitor_id: str | None) -> Submission:
    """Return the record of what was read, not saved yet."""
    submission = Submission(
        visitor_id=visitor_id,
        source=source,
        width=reading.width,
        height=reading.height,
    )
    if reading.media_type == STROKES_TYPE or current_app.config["INKLING_KEEP_ORIGINALS"]:
        submission.original = Original(media_type=reading.media_type, content=reading.original)
    for found, said in zip(reading.digits, reading.answers, strict=True):
        submission.digits.append(found_digit(found, said, reading.live, visitor_id))
    return submission


def found_digit(
    found: FoundDigit, said: DigitAnswer, live: serving.Live, visitor_id: str | None
) -> Digit:
    """Return the record of a digit that was found, with what the models said of it."""
    digit = new_digit(found.picture, visitor_id)
    digit.line, digit.position = found.line, found.position
    digit.x, digit.y, digit.width, digit.height = found.box
    fill_in(digit, said, live)
    return digit


def new_digit(picture: preprocessing.Ink, visitor_id: str | None) -> Digit:
    """Return a digit record around a prepared picture, uint8 (28, 28)."""
    sha256 = preprocessing.picture_hash(picture)
    return Digit(
        visitor_id=visitor_id,
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
    """Record what the asker says a digit is, and commit.

    Returns:
        The correction that stands now: a reviewer's word decides on what others said, and where
        it is what a visitor said already, that is accepted.
    """
    begin_write()
    digit = own_digit(digit_id)
    actor = current_actor()
    if actor.reviewer:
        actions.decide(digit, label, actor.reviewer)
    else:
        Correction.add(digit, label, visitor=actor.visitor)
    db.session.commit()
    db.session.expire(digit, ["corrections"])
    assert digit.correction is not None
    return digit.correction


def undo_correction(digit_id: str) -> None:
    """Take back what the asker said of a digit last, and commit; 404 if there is nothing.

    What a reviewer decided with it is as undecided as before.
    """
    begin_write()
    digit = own_digit(digit_id)
    actor = current_actor()
    if actor.reviewer and (last := Action.last_on(digit, actor.reviewer)):
        last.undo()
        return
    own = [one for one in digit.corrections if actor.made(one) and one.state != State.WITHDRAWN]
    if not own:
        abort(404, "There is no correction of yours to undo on this digit.")
    own[-1].decide(State.WITHDRAWN, visitor=actor.visitor, reviewer=actor.reviewer)
    db.session.commit()


def can_undo(digit: Digit) -> bool:
    """Tell whether what stands on a digit was said or decided by the asker."""
    actor, standing = current_actor(), digit.correction
    if standing is None or actor.made(standing):
        return standing is not None
    return bool(actor.reviewer and Action.last_on(digit, actor.reviewer))


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
    Batch.delete_all(Batch.visitor_id == visitor_id)
    db.session.commit()
    return count
