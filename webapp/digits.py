"""`/digits`: one digit's picture, and what people say it really is."""

import base64
from collections.abc import Callable
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from ml.images import to_png
from ml.preprocessing import Ink
from ml.reading import NOT_A_DIGIT
from webapp import edits, recognition, serving
from webapp.errors import BadInputError
from webapp.models import Digit, Submission
from webapp.security import ONE_YEAR_SECONDS, limiter

bp = Blueprint("digits", __name__, url_prefix="/digits")


@bp.app_context_processor
def _helpers() -> dict[str, Callable[..., Any]]:
    return {
        "can_undo": recognition.can_undo,
        "inline_picture": inline_picture,
    }


def inline_picture(picture: Ink) -> str:
    """Return a picture as the address of an image that is part of the page.

    A sample is stored nowhere that one could fetch it from; an answer may be replaced by the
    next stroke's before its picture is fetched.
    """
    return f"data:image/png;base64,{base64.b64encode(to_png(picture)).decode()}"


@bp.get("/<digit_id>/picture.png")
def picture(digit_id: str) -> ResponseReturnValue:
    """Send the 28×28 picture that the models saw; it never changes."""
    digit = recognition.own_digit(digit_id)
    response = Response(to_png(digit.picture.image), mimetype="image/png")
    response.cache_control.private = True
    response.cache_control.max_age = ONE_YEAR_SECONDS
    response.cache_control.immutable = True
    return response


@bp.get("/<digit_id>/explanation.png")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def explanation(digit_id: str) -> ResponseReturnValue:
    """Send a picture of what decides for its label in the cnn that is live; made anew for each."""
    digit = recognition.own_digit(digit_id)
    if not digit.alternatives:
        abort(404, "Nothing was predicted for this digit, so there is nothing to explain.")
    cnn = serving.live().versions["cnn"]
    response = Response(mimetype="image/png")
    response.set_etag(f"{digit.id}-{cnn.name}")
    response.cache_control.private = True
    response.cache_control.no_cache = True
    if not request.if_none_match.contains(response.get_etag()[0] or ""):
        response.set_data(to_png(recognition.explain(digit, cnn)))
    return response.make_conditional(request)


@bp.post("/<digit_id>/corrections")
def correct(digit_id: str) -> ResponseReturnValue:
    """Confirm a digit, or say what it really is."""
    correction = recognition.correct(digit_id, label_of_word(request.form.get("label", "")))
    return _show(correction.digit)


@bp.post("/<digit_id>/corrections/undo")
def undo(digit_id: str) -> ResponseReturnValue:
    """Withdraw the asker's newest correction."""
    recognition.undo_correction(digit_id)
    return _show(recognition.own_digit(digit_id))


@bp.post("/merge")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def merge() -> ResponseReturnValue:
    """Take the digits that are named in `digit` for one."""
    return _show_whole(edits.merge(request.form.getlist("digit")))


@bp.post("/<digit_id>/split")
@limiter.limit(lambda: current_app.config["INKLING_READ_LIMIT"])
def split(digit_id: str) -> ResponseReturnValue:
    """Cut a digit in two."""
    return _show_whole(edits.split(digit_id))


@bp.post("/<digit_id>/drop")
def drop(digit_id: str) -> ResponseReturnValue:
    """Take a digit out of the reading."""
    return _show_whole(edits.drop(digit_id))


def _show_whole(submission: Submission) -> ResponseReturnValue:
    """Lead to the page whose boxes were changed."""
    flash(f"It reads {submission.corrected_reading} now.")
    page = url_for("predictions.show", submission_id=submission.id, boxes="open")
    return redirect(f"{page}#boxes", 303)


def label_of_word(text: str) -> int | None:
    """Return the label that a button says; 400 for anything else."""
    if text == NOT_A_DIGIT:
        return None
    if len(text) != 1 or text not in "0123456789":
        raise BadInputError(f"label must be one of 0 to 9 or {NOT_A_DIGIT}, not {text!r:.40}.")
    return int(text)


def _show(digit: Digit) -> ResponseReturnValue:
    """Answer with the correction alone for scripts, else with the page that the digit is on."""
    if "X-Fragment" in request.headers:
        return render_template("digits/_correction.html", digit=digit)
    if digit.submission_id is None:
        return redirect(url_for("review.index"), 303)
    page = url_for("predictions.show", submission_id=digit.submission_id)
    if digit.submission and len(digit.submission.digits) > 1:
        return redirect(f"{page}?digit={digit.id}#choice-{digit.id}", 303)
    return redirect(f"{page}#digit-{digit.id}", 303)
