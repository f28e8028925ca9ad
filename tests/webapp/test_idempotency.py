"""A key with a request lets it be sent again: the second gets the first one's answer."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import pen
from tests.people import PNG, PREDICTIONS, count, error_of, read
from webapp.auth import VISITOR_COOKIE
from webapp.db import db
from webapp.models import Submission, Visitor
from webapp.models.types import now


def keyed(person: FlaskClient, key: str, label: int = 7) -> TestResponse:
    body = {"strokes": pen.write(label)}
    return person.post(PREDICTIONS, json=body, headers={"Idempotency-Key": key})


class TestIdempotency:
    def test_a_retry_gets_the_first_answer(self, app: Flask, alice: FlaskClient):
        first, again = keyed(alice, "one"), keyed(alice, "one")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.get_json() == first.get_json()
        assert count(app, Submission) == 1

    def test_a_retry_without_the_cookie_gets_answer_and_cookie(self, app: Flask):
        """The first answer, and the cookie with it, was lost on its way."""
        lost, retrying = app.test_client(), app.test_client()
        first, again = keyed(lost, "one"), keyed(retrying, "one")
        assert again.get_json() == first.get_json()
        assert VISITOR_COOKIE in again.headers["Set-Cookie"]
        assert retrying.get(f"{PREDICTIONS}/{first.get_json()['id']}").status_code == 200
        assert count(app, Visitor) == 1

    def test_a_retry_without_the_cookie_is_known_for_ten_minutes(self, app: Flask):
        """Later it may be a stranger, who must not get the visitor's cookie."""
        first = keyed(app.test_client(), "one").get_json()
        with app.app_context():
            db.session.get_one(Submission, first["id"]).created_at = now() - timedelta(minutes=11)
            db.session.commit()
        stranger = app.test_client()
        assert keyed(stranger, "one").get_json()["id"] != first["id"]
        assert stranger.get(f"{PREDICTIONS}/{first['id']}").status_code == 404

    def test_the_same_key_for_another_drawing_is_a_conflict(self, app: Flask, alice: FlaskClient):
        keyed(alice, "one", 7)
        message = error_of(keyed(alice, "one", 8), 409, "conflict")
        assert "Take a new key" in message
        assert count(app, Submission) == 1

    def test_another_visitor_may_use_the_same_key(
        self, app: Flask, alice: FlaskClient, charlie: FlaskClient
    ):
        read(charlie, 3)
        first, other = keyed(alice, "one"), keyed(charlie, "one")
        assert first.get_json()["id"] != other.get_json()["id"]
        assert count(app, Submission) == 3

    def test_a_retry_with_the_same_picture_is_known(self, app: Flask, alice: FlaskClient):
        def send() -> TestResponse:
            form = {"image": (io.BytesIO(PNG), "seven.png")}
            return alice.post(PREDICTIONS, data=form, headers={"Idempotency-Key": "one"})

        assert send().get_json() == send().get_json()
        assert count(app, Submission) == 1

    def test_retries_at_the_same_moment_save_once(self, app: Flask, alice: FlaskClient):
        read(alice)
        cookie = alice.get_cookie(VISITOR_COOKIE)
        assert cookie is not None

        def send(_: int) -> str:
            person = app.test_client()
            person.set_cookie(VISITOR_COOKIE, cookie.value)
            return str(keyed(person, "one").get_json()["id"])

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(send, range(16)))) == 1
        assert count(app, Submission) == 2

    @pytest.mark.parametrize("key", ["", "k" * 201])
    def test_a_key_has_1_to_200_characters(self, alice: FlaskClient, key: str):
        assert "1 to 200 characters" in error_of(keyed(alice, key), 400, "bad-request")
