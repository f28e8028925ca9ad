"""CSRF, rate limits, response headers, proxies."""

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="memory://")
"""Counts in each process: the figure in the settings is what one process lets through."""

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "manifest-src 'self'",
    ]
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LARGE_ENDPOINTS = frozenset({"upload.read", "batches.add"})
ONE_YEAR_SECONDS = 365 * 24 * 60 * 60


def init_app(app: Flask) -> None:
    """Attach the protections to the application."""
    # Before the token is looked for, which reads the form and so finds out how large it is.
    app.before_request(_take_large_batches)
    csrf.init_app(app)
    limiter.init_app(app)
    app.after_request(_add_headers)
    if proxies := app.config["INKLING_TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_prefix=proxies
        )
    if app.config["INKLING_HTTPS"]:
        app.after_request(_stay_on_https)


def _take_large_batches() -> None:
    """Let the addresses that take several files at once take more than one picture's bytes."""
    if request.endpoint in LARGE_ENDPOINTS and request.method == "POST":
        request.max_content_length = current_app.config["INKLING_MAX_BATCH_BYTES"]


def is_foreign_request() -> bool:
    """Tell whether a browser says that another site made this request."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return True
    origin = request.headers.get("Origin")
    return origin is not None and origin != f"{request.scheme}://{request.host}"


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _stay_on_https(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_SECONDS}"
    return response
