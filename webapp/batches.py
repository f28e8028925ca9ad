"""`/batches`: many pictures handed in together, read one by one."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from ml import forms
from ml.forms import Form, FormError
from webapp import archives, aside, recognition, spreadsheets
from webapp.archives import ArchiveError, ArchiveTooLargeError, Member
from webapp.aside import Outcome
from webapp.auth import current_actor, ensure_visitor
from webapp.db import begin_write, db
from webapp.errors import BadInputError, UnavailableError
from webapp.models import Batch, BatchContent, BatchFile, Submission
from webapp.models.types import is_id
from webapp.security import limiter

bp = Blueprint("batches", __name__, url_prefix="/batches")

SHOWN_BATCHES = 50
PAGE_SECONDS = 15.0
"""How long a form without scripts reads before it shows what is read by then."""
SCRIPT_SECONDS = 1.0
"""Scripts show progress: a picture is read at once unless all places are taken."""
BUSY = "Other batches are being read at the moment. Nothing is lost; go on in a few seconds."
MAX_FORM_BYTES = 1_000_000
"""Two hundred times what the definition of a crowded page takes."""
COLUMNS = ("file", "reading", "confidence", "needs_look", "problem", "id")
FORM_COLUMNS = ("file", "field", "reading", "confidence", "needs_look", "problem", "id")


@bp.get("")
def index() -> ResponseReturnValue:
    """List the visitor's batches, newest first."""
    visitor = current_actor().visitor
    found = Batch.newest(visitor.id, SHOWN_BATCHES) if visitor else []
    return render_template("batches/index.html", batches=found)


@bp.post("")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def create() -> ResponseReturnValue:
    """Begin a batch, to which files are added one by one."""
    batch = new_batch()
    if _is_script():
        return render_template("batches/_batch.html", batch=batch, files=[])
    return redirect(url_for(".show", batch_id=batch.id), 303)


@bp.get("/<batch_id>")
def show(batch_id: str) -> ResponseReturnValue:
    """Show what was read in each file of a batch."""
    batch = own_batch(batch_id)
    return render_template("batches/show.html", batch=batch, files=batch.whole_files())


@bp.post("/<batch_id>/files")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def add(batch_id: str) -> ResponseReturnValue:
    """Take pictures and ZIP archives in; what is not read at once waits."""
    batch = own_batch(batch_id)
    files = sent_files()
    if not files:
        raise BadInputError("No file came in. Choose pictures or a ZIP first, then send the form.")
    # A script reads what is in an archive file by file, and shows how far it is.
    seconds = 0.0 if _is_script() and is_many(files) else _seconds()
    return _respond(batch, take(batch, files, seconds))


@bp.post("/<batch_id>/read")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def read(batch_id: str) -> ResponseReturnValue:
    """Read what waits: one file for a script, for a form as many as a while allows."""
    batch = own_batch(batch_id)
    until = time.monotonic() + _seconds()
    done: list[BatchFile] = []
    while (waiting := batch.next_waiting()) and time.monotonic() < until:
        with aside.place() as is_free:
            if not is_free:
                raise UnavailableError(BUSY)
            done.append(_read_waiting(waiting))
        if _is_script():
            break
    return _respond(batch, done)


@bp.get("/<batch_id>/readings.<any(csv, json):ending>")
def readings(batch_id: str, ending: str) -> ResponseReturnValue:
    """Send the readings of a batch as a file."""
    batch = own_batch(batch_id)
    rows = [row_of(file) for file in batch.whole_files()]
    if ending == "csv":
        columns = FORM_COLUMNS if batch.form else COLUMNS
        lines = [line for row in rows for line in _lines_of(row)]
        text = spreadsheets.to_csv(
            columns, [[line.get(name) for name in columns] for line in lines]
        )
        response = Response(text, mimetype="text/csv")
    else:
        response = jsonify(id=batch.id, files=rows)
    response.headers["Content-Disposition"] = f"attachment; filename=readings.{ending}"
    response.cache_control.private = True
    return response


@bp.get("/<batch_id>/delete")
def confirm_delete(batch_id: str) -> ResponseReturnValue:
    """Ask before a batch is deleted with all that was read in it."""
    return render_template("batches/delete.html", batch=own_batch(batch_id))


@bp.post("/<batch_id>/delete")
def delete(batch_id: str) -> ResponseReturnValue:
    """Delete a batch with all that was read in it."""
    begin_write()
    batch = own_batch(batch_id)
    read_in_it = [file.submission_id for file in batch.files if file.submission_id]
    Batch.delete_all(Batch.id == batch_id)
    Submission.delete_all(Submission.id.in_(read_in_it))
    db.session.commit()
    flash("The batch is deleted.")
    return redirect(url_for(".index"), 303)


def own_batch(batch_id: str) -> Batch:
    """Return a batch; 404 unless the asker may see it."""
    found = db.session.get(Batch, batch_id) if is_id(batch_id) else None
    if found is None or not current_actor().may_see(found):
        abort(404)
    return found


def new_batch() -> Batch:
    """Save a new batch of the visitor who is asking, with the form that came along, and commit."""
    form = _sent_form()
    begin_write()
    batch = Batch(visitor_id=ensure_visitor().id, form=form)
    db.session.add(batch)
    db.session.commit()
    return batch


def sent_files() -> list[FileStorage]:
    """Return the files that the request brings; a field in which none was chosen brings none."""
    return [file for file in request.files.getlist("image") if file.filename]


def _sent_form() -> Any:
    """Return the definition of a form that the request brings, None if it brings none."""
    file = request.files.get("form")
    if file is None or not file.filename:
        return None
    text = file.stream.read(MAX_FORM_BYTES + 1)
    if len(text) > MAX_FORM_BYTES:
        raise RequestEntityTooLarge(f"A form's definition has at most {MAX_FORM_BYTES:,} bytes.")
    try:
        forms.parse(text)
    except FormError as error:
        raise BadInputError(str(error)) from error
    return json.loads(text)


def form_of(batch: Batch) -> Form | None:
    """Return the form that each page of a batch is."""
    return None if batch.form is None else forms.parse(json.dumps(batch.form))


def is_many(files: list[FileStorage]) -> bool:
    """Tell whether files make a batch: several of them, an archive, or pages of a form."""
    has_form = bool(request.files.get("form"))
    return has_form or len(files) > 1 or any(_is_archive(file) for file in files)


def row_of(file: BatchFile) -> dict[str, Any]:
    """Return what is known of a file, for CSV and JSON."""
    submission = file.submission
    row = {
        "file": file.name,
        "reading": submission.corrected_reading if submission else None,
        "confidence": submission.confidence if submission else None,
        "needs_look": file.needs_look,
        "problem": file.problem,
        "id": file.submission_id,
    }
    return {**row, "fields": file.shown_fields} if file.fields else row


def _lines_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a file in a spreadsheet: one for each field of a form."""
    fields = row.get("fields") or [{}]
    return [{**row, **field, "field": field.get("name")} for field in fields]


def take(batch: Batch, files: Iterable[FileStorage], seconds: float) -> list[BatchFile]:
    """Take files into a batch: read what the time allows, keep the rest until it is asked for.

    One bad file never stops the others: it stands in the list with the reason.
    """
    until = time.monotonic() + seconds
    room = current_app.config["INKLING_MAX_BATCH_FILES"] - batch.num_files
    taken: list[BatchFile] = []
    for file in files:
        for member in _members(file, room - len(taken)):
            if len(taken) >= room:
                raise RequestEntityTooLarge(_too_many())
            taken.append(_take_member(batch, member, until))
    return taken


def _too_many() -> str:
    most = current_app.config["INKLING_MAX_BATCH_FILES"]
    return f"A batch has at most {most:,} files. Begin another one for the rest."


def _members(file: FileStorage, room: int) -> Iterator[Member]:
    """Yield what a file holds: itself, or what is packed in it."""
    name = archives.label(file.filename or "")
    if not _is_archive(file):
        yield _picture(name, file)
        return
    config = current_app.config
    limits = archives.Limits(
        files=room,
        expanded_bytes=config["INKLING_MAX_BATCH_BYTES"],
        member_bytes=config["INKLING_MAX_UPLOAD_BYTES"],
        expansion=config["INKLING_MAX_EXPANSION"],
    )
    try:
        yield from archives.members(file.stream, limits)
    except (ArchiveError, ArchiveTooLargeError) as error:
        yield Member(name, problem=str(error))


def _picture(name: str, file: FileStorage) -> Member:
    most = current_app.config["INKLING_MAX_UPLOAD_BYTES"]
    content: bytes = file.stream.read(most + 1)
    if len(content) > most:
        return Member(name, problem=f"It has more than {most:,} bytes, the most that are taken.")
    if not content:
        return Member(name, problem="It is empty.")
    return Member(name, content)


def _is_archive(file: FileStorage) -> bool:
    start = file.stream.read(4)
    file.stream.seek(0)
    return archives.is_archive(start)


def _take_member(batch: Batch, member: Member, until: float) -> BatchFile:
    if member.problem is None and time.monotonic() < until:
        with aside.place() as is_free:
            if is_free:
                return _save(batch, member, aside.read(member.content, form_of(batch)))
    return _save(batch, member, Outcome(problem=member.problem) if member.problem else None)


def _save(batch: Batch, member: Member, outcome: Outcome | None) -> BatchFile:
    """Save a file with what became of it, None if it waits, and commit."""
    begin_write()
    file = BatchFile(batch_id=batch.id, name=member.label)
    if outcome is None:
        file.content = BatchContent(content=member.content)
    else:
        _fill_in(file, outcome, batch.visitor_id)
    db.session.add(file)
    db.session.commit()
    return file


def _read_waiting(file: BatchFile) -> BatchFile:
    """Read a file that waited, and commit; where another process was quicker, its answer stands."""
    content = file.content
    outcome = aside.read(content.content if content else b"", form_of(file.batch))
    begin_write()
    found = db.session.get(BatchFile, file.id)
    if found is None:
        abort(404, "This batch was deleted meanwhile.")
    if found.is_waiting:
        _fill_in(found, outcome, found.batch.visitor_id)
        found.content = None
    db.session.commit()
    return found


def _fill_in(file: BatchFile, outcome: Outcome, visitor_id: str) -> None:
    file.problem, file.fields = outcome.problem, outcome.fields
    if outcome.reading:
        file.submission = recognition.new_submission(outcome.reading, "batch", visitor_id)


def _is_script() -> bool:
    return "X-Fragment" in request.headers


def _seconds() -> float:
    return SCRIPT_SECONDS if _is_script() else PAGE_SECONDS


def _respond(batch: Batch, files: list[BatchFile]) -> ResponseReturnValue:
    if _is_script():
        return render_template("batches/_files.html", batch=batch, files=files)
    return redirect(url_for(".show", batch_id=batch.id), 303)
