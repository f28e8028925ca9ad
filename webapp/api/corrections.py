"""`/api/v1/digits/<id>/corrections`: say what a digit really is, and take it back."""

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from webapp import recognition
from webapp.api import shapes
from webapp.errors import BadInputError

bp = Blueprint("corrections", __name__)


@bp.post("/digits/<digit_id>/corrections")
def create_correction(digit_id: str) -> ResponseReturnValue:
    """Correct or confirm a digit."""
    label = recognition.parse_label(_body().get("label"))
    return shapes.correction(recognition.correct(digit_id, label)), 201


@bp.delete("/digits/<digit_id>/corrections/newest")
def delete_newest_correction(digit_id: str) -> ResponseReturnValue:
    """Withdraw the asker's newest correction of a digit."""
    recognition.undo_correction(digit_id)
    return "", 204


def _body() -> dict[str, Any]:
    try:
        body = request.get_json()
    except (BadRequest, UnsupportedMediaType, RecursionError):
        body = None
    if not isinstance(body, dict) or "label" not in body:
        raise BadInputError('Expected a JSON object {"label": 7}, or {"label": null}.')
    return body
