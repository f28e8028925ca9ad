"""`/upload`: a form for a picture; the same answer as for a drawing."""

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from webapp import recognition
from webapp.errors import BadInputError
from webapp.predictions import respond
from webapp.security import limiter

bp = Blueprint("upload", __name__, url_prefix="/upload")


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the form."""
    max_bytes = current_app.config["INKLING_MAX_UPLOAD_BYTES"]
    return render_template("upload/index.html", max_bytes=max_bytes)


@bp.post("")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def read() -> ResponseReturnValue:
    """Read the picture that was sent."""
    reading = recognition.read_picture(_sent_picture())
    return respond(recognition.answer(reading, source="upload"))


def _sent_picture() -> bytes:
    file = request.files.get("image")
    if file is None or not file.filename:
        raise BadInputError("No file came in. Choose a picture first, then send the form.")
    data: bytes = file.read()
    if not data:
        raise BadInputError(f"{file.filename:.80} is empty. Choose a file that holds a picture.")
    return data
