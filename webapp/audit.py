"""`/audit`: who said and decided what, and how far people agree."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.auth import reviewer_required
from webapp.errors import BadInputError
from webapp.models import agreement
from webapp.models.agreement import Deed

bp = Blueprint("audit", __name__, url_prefix="/audit")

PAGE_SIZE = 50
MAX_ID_DIGITS = 15


@bp.get("")
@reviewer_required
def index() -> ResponseReturnValue:
    """List what people said and decided, newest first."""
    deeds, cursor = Deed.page(PAGE_SIZE, before=_cursor())
    return render_template("audit/index.html", deeds=deeds, cursor=cursor)


def _cursor() -> int | None:
    after = request.args.get("after", "")
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= MAX_ID_DIGITS):
        raise BadInputError("after must be the number of a decision.")
    return int(after)


@bp.get("/people")
@reviewer_required
def people() -> ResponseReturnValue:
    """Show how far reviewers agree, and how much of each visitor's corrections was accepted."""
    return render_template(
        "audit/people.html",
        pairs=agreement.of_reviewers(),
        visitors=agreement.of_visitors(),
        most_visitors=agreement.MOST_VISITORS,
    )
