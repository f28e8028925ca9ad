"""`/samples`: random test digits of MNIST, what they are, and what both live models say."""

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from webapp import recognition
from webapp.security import limiter

bp = Blueprint("samples", __name__, url_prefix="/samples")

NUM_SAMPLES = 12
"""Fills rows of two, three, four and six."""


@bp.get("")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def index() -> ResponseReturnValue:
    """Read a dozen digits, others at each call; nothing is saved."""
    samples, live = recognition.read_samples(NUM_SAMPLES)
    return render_template("samples/index.html", samples=samples, live=live)
