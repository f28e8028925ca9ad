"""One JSON shape for programs, one page for people."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from ml.images import PictureError, TooManyPixelsError
from ml.strokes import TooManyPointsError
from tests.conftest import dispose
from tests.people import PREDICTIONS, error_of
from webapp import errors
from webapp.errors import CODES


def failing(app: Flask, fail: Callable[[], Any]) -> FlaskClient:
    """Return somebody for whom `/api/v1/fail` and `/fail` do what `fail` does."""
    app.add_url_rule("/api/v1/fail", "api_fail", fail)
    app.add_url_rule("/fail", "fail", fail)
    return app.test_client()


@pytest.mark.parametrize("status, code", CODES.items())
def test_every_status_has_one_shape_for_programs(app: Flask, status: int, code: str):
    response = failing(app, lambda: abort(status)).get("/api/v1/fail")
    error_of(response, status, code)
    assert response.mimetype == "application/json"


@pytest.mark.parametrize("status", sorted(set(CODES) - {405}))
def test_every_status_has_a_page_for_people(app: Flask, status: int):
    response = failing(app, lambda: abort(status, "A sentence <b>of ours</b>.")).get("/fail")
    assert response.status_code == status
    assert response.mimetype == "text/html"
    assert "A sentence &lt;b&gt;of ours&lt;/b&gt;." in response.text


@pytest.mark.parametrize(
    "headers", [{"Accept": "application/json"}, {"X-Fragment": "1"}, {"X-Fragment": ""}]
)
def test_scripts_of_a_page_get_json_too(quiet: FlaskClient, headers: dict[str, str]):
    error_of(quiet.get("/nothing-here", headers=headers), 404, "not-found")


@pytest.mark.parametrize("accept", ["text/html", "*/*", "text/html,application/json;q=0.9", ""])
def test_browsers_get_the_page(quiet: FlaskClient, accept: str):
    response = quiet.get("/nothing-here", headers={"Accept": accept})
    assert (response.status_code, response.mimetype) == (404, "text/html")
    assert "There is nothing here that you may see" in response.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/v1/digits/x/corrections"])
def test_addresses_of_programs_never_answer_with_a_page(quiet: FlaskClient, path: str):
    response = quiet.put(path, headers={"Accept": "text/html"})
    error_of(response, 405, "method-not-allowed")


@pytest.mark.parametrize("method, path", [("PUT", "/"), ("GET", "/auth/sign-out")])
def test_a_wrong_method_on_a_page_says_which_are_right(quiet: FlaskClient, method: str, path: str):
    response = quiet.open(path, method=method)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert "does not take that method" in response.text


def test_what_nobody_expected_is_logged_and_not_shown(app: Flask, caplog: pytest.LogCaptureFixture):
    def fail() -> None:
        raise KeyError("the inner life of the server")

    with caplog.at_level(logging.ERROR):
        response = failing(app, fail).get("/api/v1/fail")
    message = error_of(response, 500, "internal")
    assert "inner life" not in message
    assert "GET /api/v1/fail failed" in caplog.text
    assert "the inner life of the server" in caplog.text


def test_a_contradiction_in_the_database_is_our_own_fault(app: Flask):
    def fail() -> None:
        raise IntegrityError("INSERT", {}, Exception("UNIQUE"))

    error_of(failing(app, fail).get("/api/v1/fail"), 500, "internal")


def test_a_database_that_is_none_is_unavailable(app: Flask, instance: Path):
    dispose(app)
    for file in instance.glob("inkling.sqlite3*"):
        file.write_bytes(b"This is not a database. " * 100)
    client = app.test_client()
    message = error_of(
        client.post(PREDICTIONS, json={"strokes": [[[1, 1], [1, 99]]]}), 503, "unavailable"
    )
    assert "The database does not answer" in message
    assert "The database does not answer" in client.get("/versions").text


def test_a_reviewer_is_told_so_too(app: Flask, bob: FlaskClient, instance: Path):
    dispose(app)
    for file in instance.glob("inkling.sqlite3*"):
        file.write_bytes(b"This is not a database. " * 100)
    response = bob.get("/review")
    assert response.status_code == 503
    assert "The database does not answer" in response.text


@pytest.mark.parametrize(
    "error, status",
    [
        (TooManyPointsError("x"), 413),
        (TooManyPixelsError("x"), 413),
        (PictureError("x"), 415),
        (ValueError("x"), 400),
    ],
)
def test_what_ml_says_of_an_input_has_a_status(error: ValueError, status: int):
    translated = errors.translate(error)
    assert (translated.code, translated.description) == (status, "x")


def test_redirects_are_no_errors(quiet: FlaskClient):
    assert quiet.get("/review").status_code == 303
