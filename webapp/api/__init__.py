"""The JSON API: the same code as the pages, for scripts and other programs."""

from flask import Blueprint, Flask, request

from webapp.api import corrections, predictions
from webapp.errors import ForeignRequestError
from webapp.security import csrf, is_foreign_request

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

bp = Blueprint("api", __name__, url_prefix="/api/v1")
for part in (predictions.bp, corrections.bp):
    csrf.exempt(part)
    bp.register_blueprint(part)


def init_app(app: Flask) -> None:
    """Attach the API to the application."""
    app.register_blueprint(bp)


@bp.before_request
def _refuse_foreign_requests() -> None:
    """Stand in for the form token, which the API is exempt from."""
    if request.method not in SAFE_METHODS and is_foreign_request():
        raise ForeignRequestError(
            "A page of another site made this request. Send it from your own program or this site."
        )
