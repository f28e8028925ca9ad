"""Exceptions to responses: one JSON shape for the API, one page for people."""

import logging
import math
import time

from flask import Flask, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from ml.images import PictureError, TooManyPixelsError
from ml.strokes import TooManyPointsError
from webapp.security import limiter

log = logging.getLogger(__name__)

JSON_PATHS = ("/api/", "/healthz", "/readyz")
"""Addresses that programs ask; they get JSON whatever they say they accept."""
CODES = {
    400: "bad-request",
    401: "not-signed-in",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unreadable-picture",
    429: "too-many-requests",
    500: "internal",
    503: "unavailable",
}
SENTENCES = {
    403: "This is not yours to do. A reviewer may be able to; sign in as one.",
    404: "There is nothing here that you may see. It may have been deleted, or be another's.",
    405: "This address does not take that method.",
    500: "Something went wrong on our side. It has been logged; what was saved before is safe.",
    503: "The database does not answer just now. Nothing was changed; try again in a while.",
}
STALE_FORM = (
    "This form is too old: the session that it belongs to has ended. Nothing was changed. "
    "Go back, reload the page, and send it once more."
)


class BadInputError(HTTPException):
    """What was sent is malformed; the description says what was expected."""

    code = 400


class ConflictError(HTTPException):
    """What was asked for contradicts what is there."""

    code = 409


class ForeignRequestError(HTTPException):
    """Another site asked in the visitor's name."""

    code = 403


class UnreadablePictureError(HTTPException):
    """The bytes are no picture that can be read."""

    code = 415


class UnavailableError(HTTPException):
    """A part that is needed does not answer; trying again later may help."""

    code = 503


def translate(error: ValueError) -> HTTPException:
    """Return the HTTP error for what `ml` says of strokes or a picture."""
    if isinstance(error, (TooManyPointsError, TooManyPixelsError)):
        return RequestEntityTooLarge(str(error))
    if isinstance(error, PictureError):
        return UnreadablePictureError(str(error))
    return BadInputError(str(error))


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.get_response()
    status = error.code or 500
    response = _answer(status, _sentence(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.allow.update(error.valid_methods)
    if isinstance(error, RateLimitExceeded) and limiter.current_limit:
        response.retry_after = max(1, math.ceil(limiter.current_limit.reset_at - time.time()))
    return response


def _unexpected_error(error: Exception) -> ResponseReturnValue:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    status = 503 if isinstance(error, OperationalError) or type(error) is DatabaseError else 500
    return _answer(status, SENTENCES[status])


def _sentence(error: HTTPException) -> str:
    if isinstance(error, CSRFError):
        return STALE_FORM
    if isinstance(error, RateLimitExceeded):
        return f"Too many requests: at most {error.description}. Wait a little and go on."
    if isinstance(error, RequestEntityTooLarge) and error.description == _default(error):
        limit = request.max_content_length
        return f"This is too large: at most {limit:,} bytes are taken. Send a smaller picture."
    if error.description == _default(error):
        return SENTENCES.get(error.code or 500, error.description or "")
    return error.description or ""


def _default(error: HTTPException) -> str | None:
    return type(error).description


def _answer(status: int, message: str) -> Response:
    if request.path.startswith(JSON_PATHS) or _wants_json():
        response = jsonify(error={"code": CODES.get(status, "error"), "message": message})
    else:
        response = _page(status, message)
    response.status_code = status
    return response


def _page(status: int, message: str) -> Response:
    try:
        return Response(render_template("error.html", status=status, message=message))
    except SQLAlchemyError:  # a page shows who is signed in, which the database could not say
        return Response(message, mimetype="text/plain")


def _wants_json() -> bool:
    """Scripts get JSON, also those that ask for a fragment of a page."""
    if "X-Fragment" in request.headers:
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"
