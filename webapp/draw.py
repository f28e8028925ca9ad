"""`/`: the paper to draw on; strokes come in and the answer goes out."""

import json
from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webapp import recognition
from webapp.errors import BadInputError
from webapp.predictions import respond
from webapp.security import limiter

bp = Blueprint("draw", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """Show the paper."""
    return render_template("draw/index.html", submission=None)


@bp.post("/")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def read() -> ResponseReturnValue:
    """Read a drawing: strokes as JSON, or as the text of a form field."""
    drawing = _json_drawing() if request.is_json else _form_drawing()
    replaces = drawing.get("replaces")
    if replaces is not None and not isinstance(replaces, str):
        raise BadInputError("replaces must be the id of an earlier answer, or null.")
    reading = recognition.read_strokes(
        drawing["strokes"], drawing.get("width", 280), drawing.get("height", 280)
    )
    return respond(recognition.answer(reading, source="canvas", replaces=replaces))


def _json_drawing() -> dict[str, Any]:
    try:
        drawing = request.get_json()
    except (BadRequest, RecursionError):
        raise BadInputError("The drawing cannot be read as JSON.") from None
    return _checked(drawing)


def _form_drawing() -> dict[str, Any]:
    form = request.form
    try:
        strokes = json.loads(form.get("strokes", ""))
        width, height = float(form.get("width", 280)), float(form.get("height", 280))
    except (ValueError, RecursionError):
        raise BadInputError(
            "strokes must be JSON, [[[x, y], …], …]; width and height must be numbers."
        ) from None
    replaces = form.get("replaces") or None
    return {"strokes": strokes, "width": width, "height": height, "replaces": replaces}


def _checked(drawing: Any) -> dict[str, Any]:
    if not isinstance(drawing, dict) or "strokes" not in drawing:
        raise BadInputError('Expected a JSON object {"strokes": [[[x, y], …], …], …}.')
    return drawing
