"""`/api/v1/predictions`: have ink read, list, show and delete what was read."""

import re
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webapp import idempotency, recognition
from webapp.api import shapes
from webapp.auth import current_actor
from webapp.errors import BadInputError
from webapp.models import Submission
from webapp.models.types import is_id
from webapp.recognition import Reading
from webapp.security import limiter

bp = Blueprint("predictions", __name__)

MAX_LIMIT = 100
DEFAULT_LIMIT = 20
DEFAULT_CANVAS = 280
SWITCHES = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Wish:
    """What a request asks for beside the reading itself."""

    save: bool = True
    replaces: str | None = None


@bp.post("/predictions")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def create_prediction() -> ResponseReturnValue:
    """Read strokes or a picture: 201 when saved, 200 otherwise."""
    key = idempotency.key_of_request(_sent)
    if key and (earlier := idempotency.answered_before(key)):
        return shapes.prediction(earlier), 201
    reading, wish = _read_json() if request.is_json else _read_picture()
    if reading.is_blank:
        return shapes.BLANK
    if not wish.save:
        return shapes.prediction(recognition.preview(reading))
    saved = recognition.answer(reading, source="api", replaces=wish.replaces, key=key)
    return shapes.prediction(saved) if saved else shapes.BLANK, 201


def _sent() -> bytes:
    """Return what a retry would send again; the parts of a form as they were named."""
    if request.mimetype != "multipart/form-data":
        return request.get_data(cache=True)
    parts = [f"{name}={value}".encode() for name, value in sorted(request.form.items())]
    for file in request.files.values():
        parts.append(file.read())
        file.seek(0)
    return b"\n".join(parts)


def _read_json() -> tuple[Reading, Wish]:
    try:
        body: Any = request.get_json()
    except (BadRequest, RecursionError):
        raise BadInputError("The body says it is JSON but cannot be read as JSON.") from None
    if not isinstance(body, dict) or "strokes" not in body:
        raise BadInputError('Expected a JSON object {"strokes": [[[x, y], …], …], …}.')
    save, replaces = body.get("save", True), body.get("replaces")
    if not isinstance(save, bool):
        raise BadInputError("save must be true or false.")
    if replaces is not None and not isinstance(replaces, str):
        raise BadInputError("replaces must be the id of a prediction, or null.")
    width, height = body.get("width", DEFAULT_CANVAS), body.get("height", DEFAULT_CANVAS)
    return recognition.read_strokes(body["strokes"], width, height), Wish(save, replaces)


def _read_picture() -> tuple[Reading, Wish]:
    if request.mimetype == "multipart/form-data":
        if "image" not in request.files:
            raise BadInputError("No file came in: send it as the form field named image.")
        data, save = request.files["image"].read(), request.form.get("save", "true")
    else:
        data, save = request.get_data(), request.args.get("save", "true")
    if not data:
        raise BadInputError("Nothing came in: send strokes as JSON, or the bytes of a picture.")
    if save.lower() not in SWITCHES:
        raise BadInputError("save must be true or false.")
    return recognition.read_picture(data), Wish(SWITCHES[save.lower()])


@bp.get("/predictions")
def list_predictions() -> ResponseReturnValue:
    """List the asker's own predictions, newest first; a reviewer's list has everybody's."""
    limit, after = _limit(), _after()
    actor = current_actor()
    if actor.reviewer is None and actor.visitor is None:
        return jsonify(items=[], next=None)
    visitor_id = None if actor.reviewer or not actor.visitor else actor.visitor.id
    found, cursor = Submission.page(visitor_id, limit=limit, after=after)
    return jsonify(items=[shapes.prediction(one) for one in found], next=cursor)


def _limit() -> int:
    text = request.args.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise BadInputError(f"limit must be a number from 1 to {MAX_LIMIT}, not {text!r:.40}.")
    return int(text)


def _after() -> str | None:
    cursor = request.args.get("after")
    if cursor is not None and not is_id(cursor):
        raise BadInputError("after must be the next of the page before.")
    return cursor


@bp.get("/predictions/<prediction_id>")
def show_prediction(prediction_id: str) -> ResponseReturnValue:
    """Show one prediction."""
    return shapes.prediction(recognition.own_submission(prediction_id))


@bp.delete("/predictions/<prediction_id>")
def delete_prediction(prediction_id: str) -> ResponseReturnValue:
    """Delete one prediction; digits with an accepted correction stay without their visitor."""
    recognition.delete_submission(prediction_id)
    return "", 204
