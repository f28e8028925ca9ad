"""`/api/v1/digits/<id>/corrections`: say what a digit really is, and take it back."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.people import PREDICTIONS, correct, digit_of, error_of, read
from webapp.db import db
from webapp.models import Correction

UNKNOWN_ID = "01" + "0" * 24


def newest(digit_id: str) -> str:
    return f"/api/v1/digits/{digit_id}/corrections/newest"


def num_corrections(app: Flask) -> int:
    with app.app_context():
        return db.session.query(Correction).count()


@pytest.fixture
def digit(alice: FlaskClient) -> str:
    return digit_of(read(alice, 7))


@pytest.mark.parametrize("label", [*range(10), None])
def test_a_visitor_says_what_a_digit_is_and_it_waits(alice: FlaskClient, digit: str, label: Any):
    response = correct(alice, digit, label)
    made = response.get_json()
    assert response.status_code == 201
    assert list(made) == ["digit", "id", "label", "state"]
    assert (made["digit"], made["label"], made["state"]) == (digit, label, "pending")


def test_a_reviewers_correction_counts_at_once(bob: FlaskClient, digit: str):
    assert correct(bob, digit, 1).get_json()["state"] == "accepted"


def test_what_was_predicted_stays_beside_the_correction(alice: FlaskClient):
    answer = read(alice, 7)
    correct(alice, digit_of(answer), 1)
    shown = alice.get(f"{PREDICTIONS}/{answer['id']}").get_json()
    assert shown["reading"] == "7"
    assert shown["digits"][0]["correction"]["label"] == 1


def test_the_newest_correction_stands(alice: FlaskClient):
    answer = read(alice, 7)
    for label in (1, 2, None):
        correct(alice, digit_of(answer), label)
    shown = alice.get(f"{PREDICTIONS}/{answer['id']}").get_json()
    assert shown["digits"][0]["correction"]["label"] is None


@pytest.mark.parametrize(
    "label",
    [11, 10, -1, True, False, "7", "", 7.0, 7.5, [], [7], {}, {"label": 7}, 10**300, "\ud800"],
    ids=lambda label: repr(label)[:20],
)
def test_other_labels_are_refused(quiet_app: Flask, quiet: FlaskClient, label: Any):
    response = correct(quiet, UNKNOWN_ID, label)
    message = error_of(response, 400, "bad-request")
    assert "label must be a number from 0 to 9, or null, not" in message
    assert num_corrections(quiet_app) == 0


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", "null", "{}", '{"lable": 7}', "[" * 100_000, b"\xff{}"]
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_missing_label_is_asked_for(quiet: FlaskClient, body: Any, content_type: str):
    path = f"/api/v1/digits/{UNKNOWN_ID}/corrections"
    response = quiet.post(path, data=body, content_type=content_type)
    assert 'Expected a JSON object {"label": 7}' in error_of(response, 400, "bad-request")


def test_a_label_buried_in_lists_is_refused(quiet: FlaskClient):
    for depth in (100, 900, 990):
        body = '{"label": ' + "[" * depth + "]" * depth + "}"
        path = f"/api/v1/digits/{UNKNOWN_ID}/corrections"
        error_of(quiet.post(path, data=body, content_type="application/json"), 400, "bad-request")


def test_a_digit_of_another_is_not_found(app: Flask, charlie: FlaskClient, digit: str):
    read(charlie)
    error_of(correct(charlie, digit, 1), 404, "not-found")
    error_of(charlie.delete(newest(digit)), 404, "not-found")
    assert num_corrections(app) == 0


def test_somebody_without_a_cookie_finds_nothing(client: FlaskClient, digit: str):
    error_of(correct(client, digit, 1), 404, "not-found")


@pytest.mark.parametrize("wanted", [UNKNOWN_ID, "7", "%00", "%ed%a0%80", "x" * 300])
def test_a_digit_that_is_none_is_not_found(quiet: FlaskClient, wanted: str):
    error_of(correct(quiet, wanted, 1), 404, "not-found")
    error_of(quiet.delete(newest(wanted)), 404, "not-found")


def test_a_bad_label_is_told_before_the_digit_is_looked_for(alice: FlaskClient):
    error_of(correct(alice, UNKNOWN_ID, 11), 400, "bad-request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_not_allowed(quiet: FlaskClient, method: str):
    response = quiet.open(f"/api/v1/digits/{UNKNOWN_ID}/corrections", method=method)
    error_of(response, 405, "method-not-allowed")
    error_of(quiet.get(newest(UNKNOWN_ID)), 405, "method-not-allowed")


def test_undoing_brings_back_the_correction_before(alice: FlaskClient):
    answer = read(alice, 7)
    digit = digit_of(answer)
    correct(alice, digit, 1)
    correct(alice, digit, 2)
    response = alice.delete(newest(digit))
    assert (response.status_code, response.data) == (204, b"")
    shown = alice.get(f"{PREDICTIONS}/{answer['id']}").get_json()
    assert shown["digits"][0]["correction"]["label"] == 1


def test_undoing_more_than_was_done_is_not_found(app: Flask, alice: FlaskClient, digit: str):
    correct(alice, digit, 1)
    assert alice.delete(newest(digit)).status_code == 204
    message = error_of(alice.delete(newest(digit)), 404, "not-found")
    assert "no correction of yours to undo" in message
    assert num_corrections(app) == 1


def test_nobody_undoes_what_another_said(alice: FlaskClient, bob: FlaskClient, digit: str):
    correct(bob, digit, 1)
    error_of(alice.delete(newest(digit)), 404, "not-found")
    correct(alice, digit, 2)
    assert bob.delete(newest(digit)).status_code == 204
    error_of(bob.delete(newest(digit)), 404, "not-found")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://a.b"}])
def test_another_site_may_not_correct(
    app: Flask, alice: FlaskClient, digit: str, headers: dict[str, str]
):
    path = f"/api/v1/digits/{digit}/corrections"
    error_of(alice.post(path, json={"label": 1}, headers=headers), 403, "forbidden")
    assert num_corrections(app) == 0
