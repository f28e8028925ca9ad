"""`/review`: what waits for a reviewer's look, the most doubtful first, a key for each answer."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import actions, recognition
from webapp.auth import current_reviewer, reviewer_required
from webapp.db import begin_write, db
from webapp.digits import label_of_word
from webapp.doubts import reasons_of, suggestion_of
from webapp.errors import BadInputError
from webapp.models import Action, Digit, Reviewer
from webapp.models.filters import Filter
from webapp.models.history import MOST_COUNTED, History
from webapp.models.queue import Queue, cursor_of
from webapp.models.types import is_id, now

bp = Blueprint("review", __name__, url_prefix="/review")

NUM_AHEAD = 20
"""How many of the next digits a page loads before they are needed, at least half of them ahead."""
SURROUNDINGS = 1.0
"""How much is shown around a digit, as a part of its own longer side."""


@dataclass(frozen=True)
class Case:
    """One digit of the queue with what helps to decide on it.

    Attributes:
        digit: the digit.
        cursor: its place in the queue.
        reasons: why it is in the queue, in words.
        suggestion: the label that `Enter` takes, None for "not a digit".
        strokes: those of the whole drawing; None for a picture or where nothing was kept.
        view: x, y, width and height of what is shown of the original.
    """

    digit: Digit
    cursor: str
    reasons: list[str]
    suggestion: int | None
    strokes: Any
    view: tuple[float, float, float, float]


@bp.get("")
@reviewer_required
def index() -> ResponseReturnValue:
    """Show the most doubtful digit that waits, of those that the filter shows."""
    queue = _queue()
    taken = _take(queue, 1)
    return render_template(
        "review/index.html",
        case=taken[0] if taken else None,
        left=queue.count(),
        num_done=_num_done(queue.reviewer),
        num_conflicts=History(Filter(conflict=True)).count(),
        done=_own_action(queue.reviewer),
        filter=queue.history.filter,
        most_counted=MOST_COUNTED,
        num_ahead=NUM_AHEAD,
    )


@bp.get("/cases")
@reviewer_required
def cases() -> ResponseReturnValue:
    """Send the next digits as fragments for the script that shows them one by one."""
    queue = _queue()
    taken = _take(queue, NUM_AHEAD)
    chosen = queue.history.filter
    return {
        "cases": [render_template("review/_case.html", case=case, filter=chosen) for case in taken],
        "after": taken[-1].cursor if taken else None,
        "left": queue.count(),
    }


@bp.post("/<digit_id>")
@reviewer_required
def decide(digit_id: str) -> ResponseReturnValue:
    """Label a digit, which decides on what was said of it, and go on to the next."""
    label = label_of_word(request.form.get("label", ""))
    action = _label(digit_id, label, action_id=request.form.get("action"))
    if "X-Fragment" in request.headers:
        return {"action": action.id}
    chosen = _filter().to_query()
    after = request.form.get("after") or None
    return redirect(url_for(".index", **chosen, after=after, done=action.id), 303)


def _label(digit_id: str, label: int | None, *, action_id: str | None) -> Action:
    """Label a digit as the reviewer who is asking, and commit; a retry changes nothing."""
    begin_write()
    reviewer = _reviewer()
    digit = recognition.own_digit(digit_id)
    known = db.session.get(Action, action_id) if action_id else None
    if known is not None:
        return known if known.reviewer_id == reviewer.id else abort(409)
    if action_id and not is_id(action_id):
        raise BadInputError(f"action must be an id, not {action_id!r:.40}.")
    action = actions.decide(digit, label, reviewer, action_id=action_id)
    db.session.commit()
    return action


def _reviewer() -> Reviewer:
    reviewer = current_reviewer()
    assert reviewer is not None
    return reviewer


def _queue() -> Queue:
    """Return the queue that the address names; writing may begin."""
    chosen = _filter()
    begin_write()
    return Queue(History(chosen), _reviewer())


def _filter() -> Filter:
    try:
        return Filter.parse(request.args)
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _take(queue: Queue, limit: int) -> list[Case]:
    """Take the next digits of the queue, and commit that they are this reviewer's for a while."""
    try:
        digits = queue.take(limit, request.args.get("after") or None)
    except ValueError as error:
        raise BadInputError("after must be the place of a digit in the queue.") from error
    db.session.commit()
    return [_case(digit) for digit in digits]


def _case(digit: Digit) -> Case:
    return Case(
        digit=digit,
        cursor=cursor_of(digit),
        reasons=reasons_of(digit),
        suggestion=suggestion_of(digit),
        strokes=_strokes(digit),
        view=_view(digit),
    )


def _strokes(digit: Digit) -> Any:
    original = digit.submission.original if digit.submission else None
    if original is None or original.media_type != recognition.STROKES_TYPE:
        return None
    return json.loads(original.content)


def _view(digit: Digit) -> tuple[float, float, float, float]:
    """Return a square around a digit's box with some of its surroundings."""
    longer = max(digit.width, digit.height, 1.0)
    side = longer * (1 + SURROUNDINGS)
    x, y = digit.x + (digit.width - side) / 2, digit.y + (digit.height - side) / 2
    return x, y, side, side


def _num_done(reviewer: Reviewer) -> int:
    """Return how many digits a reviewer has treated today, in UTC."""
    return Action.num_done(reviewer, datetime.combine(now().date(), time(), UTC))


def _own_action(reviewer: Reviewer) -> Action | None:
    """Return the action that the address says was just done, for undoing it without scripts."""
    action_id = request.args.get("done", "")
    action = db.session.get(Action, action_id) if is_id(action_id) else None
    if action is None or action.undone_at or action.reviewer_id != reviewer.id:
        return None
    return action
