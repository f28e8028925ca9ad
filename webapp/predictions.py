"""`/predictions`: what was read before, each with everything that is known of it."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import actions, exports, recognition
from webapp.actions import Chosen
from webapp.api import shapes
from webapp.auth import current_actor
from webapp.db import db
from webapp.digits import label_of_word
from webapp.errors import BadInputError
from webapp.models import Action, Kind, ModelVersion, Outcome, Submission
from webapp.models.filters import Filter
from webapp.models.history import MOST_COUNTED, History, Page
from webapp.models.outcomes import Fate
from webapp.models.types import is_id

bp = Blueprint("predictions", __name__, url_prefix="/predictions")

PAGE_SIZE = 48
"""Divides by one, two, three, four and six columns."""
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
    """Show the digits that were read, those that the filter leaves, page by page."""
    view = _view()
    page = view.history.page(PAGE_SIZE, _cursor()) if view.history else Page([], None)
    whole = "X-Fragment" not in request.headers
    return render_template(
        "predictions/index.html" if whole else "predictions/_history.html",
        view=view,
        page=page,
        count=view.history.count() if view.history else 0,
        most_counted=MOST_COUNTED,
        versions=ModelVersion.names() if whole else [],
        done=_own_action(request.args.get("done", "")),
        fate=_fate() if whole and not view.everybody else None,
    )


@dataclass(frozen=True)
class View:
    """What of the history an address shows, and to whom.

    Attributes:
        filter: the conditions in the address.
        everybody: whether it is everybody's or the asker's own alone.
        history: the digits of it; None for somebody who never had anything saved.
        shape: `grid` or `table`.
    """

    filter: Filter
    everybody: bool
    history: History | None
    shape: str

    def query(self, chosen: Filter | None = None, **more: str | None) -> dict[str, Any]:
        """Return the part of the address behind the question mark.

        Args:
            chosen: other conditions.
            more: what else the address says.
        """
        kept = {name: request.args.get(name) for name in ("mine", "view")}
        return {**kept, **(chosen or self.filter).to_query(), **more}


def _view() -> View:
    """Read the address; 400 for a condition that cannot be."""
    try:
        chosen = Filter.parse(request.args)
    except ValueError as error:
        raise BadInputError(str(error)) from error
    actor = current_actor()
    everybody = actor.reviewer is not None and "mine" not in request.args
    own = actor.visitor.id if actor.visitor else None
    if not everybody:
        chosen = chosen.without("visitor")
    history = History(chosen, None if everybody else own) if everybody or own else None
    shape = "table" if request.args.get("view") == "table" else "grid"
    return View(chosen, everybody, history, shape)


def _fate() -> Fate | None:
    """Return what became of the asker's own corrections, as far as a command wrote it down."""
    visitor = current_actor().visitor
    return Outcome.fate(visitor.id) if visitor else None


def _cursor() -> str | None:
    return request.args.get("after") or None


def _own_action(action_id: str) -> Action | None:
    """Return an action of the asker's own that is not undone."""
    action = db.session.get(Action, action_id) if is_id(action_id) else None
    if action is None or action.undone_at or not current_actor().made(action):
        return None
    return action


@bp.get("/export.<any(csv, jsonl, zip):form>")
def export(form: str) -> ResponseReturnValue:
    """Send all digits that the filter shows as a file, as it is made."""
    view = _view()
    return exports.stream(view.history, form, with_visitors=view.everybody)


@bp.post("/bulk")
def bulk() -> ResponseReturnValue:
    """Do one thing to the chosen digits, or to all that the filter shows."""
    view, wanted = _view(), request.form.get("do", "")
    chosen = Chosen(view.history, request.form.getlist("digit"), "all" in request.form)
    if chosen.is_empty:
        flash("Choose some digits first: with the box in their corner.")
        return redirect(url_for(".index", **view.query()), 303)
    if wanted == "delete":
        return _delete_chosen(view, chosen)
    kind, label = _wanted(wanted)
    action = actions.do(kind, label, chosen)
    return redirect(url_for(".index", **view.query(done=action.id, after=_cursor())), 303)


def _wanted(word: str) -> tuple[Kind, int | None]:
    """Return what a button of the selection does."""
    if word in (Kind.ACCEPT, Kind.REJECT):
        return Kind(word), None
    return Kind.LABEL, label_of_word(word)


def _delete_chosen(view: View, chosen: Chosen) -> ResponseReturnValue:
    if "sure" not in request.form:
        return render_template("predictions/delete_chosen.html", view=view, chosen=chosen)
    count = actions.delete(chosen)
    flash(f"{count} {'prediction is' if count == 1 else 'predictions are'} deleted.")
    return redirect(url_for(".index", **view.query()), 303)


@bp.post("/undo/<action_id>")
def undo(action_id: str) -> ResponseReturnValue:
    """Undo in one step what the asker did to one digit or to many."""
    undone = actions.undo(action_id)
    to_review = request.args.get("to") == "review"
    if to_review and "X-Fragment" in request.headers:
        return {"digits": undone.digits, "left": undone.left}
    flash(
        f"Undone: {undone.digits} {'digit is' if undone.digits == 1 else 'digits are'} as before."
    )
    if undone.left:
        flash(f"{undone.left} stay as others have decided since.")
    if to_review:
        return redirect(url_for("review.index", **_view().filter.to_query()), 303)
    return redirect(url_for(".index", **_view().query()), 303)


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
