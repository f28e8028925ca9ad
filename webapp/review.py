"""`/review`: the corrections that wait for a reviewer's decision."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.auth import current_reviewer, reviewer_required
from webapp.db import begin_write, db
from webapp.models import Correction, State

bp = Blueprint("review", __name__, url_prefix="/review")

NUM_UPCOMING = 8
"""How many of the next corrections are shown beside the one to decide on."""
DECISIONS = {"accept": State.ACCEPTED, "reject": State.REJECTED}


@bp.get("")
@reviewer_required
def index() -> ResponseReturnValue:
    """Show the oldest correction that waits, or the oldest after the one that was skipped."""
    after = request.args.get("after")
    queue = Correction.undecided(limit=1 + NUM_UPCOMING, after=after)
    page = "review/_queue.html" if "X-Fragment" in request.headers else "review/index.html"
    return render_template(
        page,
        case=queue[0] if queue else None,
        upcoming=queue[1:],
        after=after,
        waiting=Correction.num_undecided(),
    )


@bp.post("/<correction_id>/<any(accept, reject):decision>")
@reviewer_required
def decide(correction_id: str, decision: str) -> ResponseReturnValue:
    """Accept or reject a correction, and go on to the next."""
    begin_write()
    correction = db.session.get(Correction, correction_id)
    if correction is None:
        abort(404)
    if correction.state == State.PENDING:
        correction.decide(DECISIONS[decision], reviewer=current_reviewer())
        db.session.commit()
    else:
        flash(f"That correction is {correction.state} already; it stays so.")
    return redirect(url_for(".index", after=request.form.get("after")), 303)
