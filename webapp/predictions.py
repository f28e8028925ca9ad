"""`/predictions`: what was read before, each with everything that is known of it."""

import json
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import recognition
from webapp.api import shapes
from webapp.auth import current_actor
from webapp.models import Submission

bp = Blueprint("predictions", __name__, url_prefix="/predictions")

PAGE_SIZE = 24
"""Divides by one, two, three and four columns."""
BLANK = "No ink was found: nothing is drawn or written there, or too faintly to be read."


def respond(submission: Submission | None) -> ResponseReturnValue:
    """Answer what was handed in as the asker wants it: a fragment, JSON, or a page to go to.

    Args:
        submission: what was saved; None where there was nothing to read.
    """
    if "X-Fragment" in request.headers:
        blank = None if submission else BLANK
        return render_template("predictions/_answer.html", submission=submission, blank=blank)
    if _prefers_json():
        return (shapes.prediction(submission), 201) if submission else shapes.BLANK
    if submission is None:
        flash(BLANK)
        return redirect(request.path, 303)
    return redirect(url_for("predictions.show", submission_id=submission.id), 303)


def _prefers_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


@bp.get("")
def index() -> ResponseReturnValue:
    """List what the visitor had read, newest first; for a reviewer, what everybody had."""
    actor = current_actor()
    everybody = actor.reviewer is not None and "mine" not in request.args
    visitor_id = actor.visitor.id if actor.visitor else None
    found: tuple[list[Submission], str | None] = ([], None)
    if everybody or visitor_id:
        whose = None if everybody else visitor_id
        found = Submission.page(whose, limit=PAGE_SIZE, after=request.args.get("after"))
    submissions, cursor = found
    return render_template(
        "predictions/index.html", submissions=submissions, cursor=cursor, everybody=everybody
    )


@bp.get("/<submission_id>")
def show(submission_id: str) -> ResponseReturnValue:
    """Show one prediction with all that is known of it."""
    submission = recognition.own_submission(submission_id)
    return render_template(
        "predictions/show.html", submission=submission, strokes=_strokes(submission)
    )


def _strokes(submission: Submission) -> Any:
    """Return the strokes of a drawing, None for a picture or where nothing was kept."""
    original = submission.original
    if original is None or original.media_type != recognition.STROKES_TYPE:
        return None
    return json.loads(original.content)


@bp.get("/<submission_id>/original")
def original(submission_id: str) -> ResponseReturnValue:
    """Send what was handed in: the strokes as JSON, or the picture as it is kept."""
    kept = recognition.own_submission(submission_id).original
    if kept is None:
        abort(404, "What was handed in was not kept, only the digits in it.")
    response = Response(kept.content, mimetype=kept.media_type)
    response.cache_control.private = True
    return response


@bp.get("/<submission_id>/delete")
def confirm_delete(submission_id: str) -> ResponseReturnValue:
    """Ask before one prediction is deleted, and say what stays."""
    submission = recognition.own_submission(submission_id)
    return render_template("predictions/delete.html", submission=submission)


@bp.post("/<submission_id>/delete")
def delete(submission_id: str) -> ResponseReturnValue:
    """Delete one prediction."""
    recognition.delete_submission(submission_id)
    flash("It is deleted.")
    return redirect(url_for(".index"), 303)


@bp.get("/delete-all")
def confirm_delete_all() -> ResponseReturnValue:
    """Ask before everything of the visitor is deleted, and say what stays."""
    return render_template("predictions/delete.html", submission=None)


@bp.post("/delete-all")
def delete_all() -> ResponseReturnValue:
    """Delete everything of the visitor who is asking."""
    count = recognition.delete_all_mine()
    flash(f"{count} {'prediction is' if count == 1 else 'predictions are'} deleted.")
    return redirect(url_for(".index"), 303)
