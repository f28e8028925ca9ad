"""CSRF, rate limits, response headers, proxies."""

from threading import Lock

from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf import CSRFProtect
from limits.storage import MemoryStorage
from werkzeug.middleware.proxy_fix import ProxyFix


class SharedMemoryStorage(MemoryStorage):
    """Counts of requests that all threads of a process share.

    In limits 5.8 two threads that count at the same moment can start one timer twice, and one of
    the two requests fails (alisaifee/limits, pull request 352).
    """

    STORAGE_SCHEME = ["shared-memory"]  # noqa: RUF012 - limits declares it for instances

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str):
        self._counting = Lock()
        super().__init__(uri, wrap_exceptions, **options)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count a request, one thread after the other; the arguments are MemoryStorage's."""
        with self._counting:
            return super().incr(key, expiry, amount)


csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="shared-memory://")
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
