"""`/upload`: a form for pictures; the same answer as for a drawing, or a batch for several."""

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from webapp import batches, recognition
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
    """Read the picture that was sent; several of them, or an archive, make a batch."""
    files = batches.sent_files()
    if not files:
        raise BadInputError("No file came in. Choose a picture first, then send the form.")
    if batches.is_many(files):
        batch = batches.new_batch()
        batches.take(batch, files, batches.PAGE_SECONDS)
        return redirect(url_for("batches.show", batch_id=batch.id), 303)
    reading = recognition.read_picture(_content(files[0]))
    return respond(recognition.answer(reading, source="upload"))


def _content(file: FileStorage) -> bytes:
    most = current_app.config["INKLING_MAX_UPLOAD_BYTES"]
    data: bytes = file.stream.read(most + 1)
    if len(data) > most:
        raise RequestEntityTooLarge(
            f"This is too large: at most {most:,} bytes are taken. Send a smaller picture."
        )
    if not data:
        raise BadInputError(f"{file.filename:.80} is empty. Choose a file that holds a picture.")
    return data
