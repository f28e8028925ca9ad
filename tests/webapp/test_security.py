"""Form tokens, rate limits, response headers, proxies."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import pen
from tests.conftest import dispose
from tests.people import PREDICTIONS, digit_of, error_of, read
from webapp import create_app
from webapp.db import db
from webapp.models import Correction, Submission
from webapp.security import SharedMemoryStorage, limiter

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(instance: object) -> Iterator[MakeApp]:
    """Return a maker of applications with all protections on and some settings changed."""
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        made.append(create_app({"TESTING": True, **settings}))
        return made[-1]

    yield make
    for application in made:
        dispose(application)


@pytest.fixture
def guarded(make_app: MakeApp) -> Flask:
    return make_app()


def token(person: FlaskClient) -> str:
    """Return the form token of a page."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', person.get("/").text)
    assert found
    return found[1]


class TestFormTokens:
    @pytest.mark.parametrize("value", [None, "", "stale", "Ij.x.y"])
    def test_that_are_missing_or_stale_change_nothing_and_say_so(
        self, guarded: Flask, value: str | None
    ):
        alice = guarded.test_client()
        answer = read(alice)
        for path in (
            f"/digits/{digit_of(answer)}/corrections",
            f"/predictions/{answer['id']}/delete",
            "/predictions/delete-all",
        ):
            data = {"label": "1"} | ({} if value is None else {"csrf_token": value})
            response = alice.post(path, data=data)
            assert response.status_code == 400
            assert "This form is too old" in response.text
            assert "Nothing was changed" in response.text
        with guarded.app_context():
            assert db.session.query(Submission).count() == 1
            assert db.session.query(Correction).count() == 0

    def test_of_another_session_are_stale(self, guarded: Flask):
        alice, charlie = guarded.test_client(), guarded.test_client()
        token(alice)
        response = alice.post("/auth/sign-in", data={"csrf_token": token(charlie)})
        assert response.status_code == 400

    def test_of_the_page_let_a_form_pass(self, guarded: Flask):
        alice = guarded.test_client()
        digit = digit_of(read(alice))
        data = {"label": "1", "csrf_token": token(alice)}
        assert alice.post(f"/digits/{digit}/corrections", data=data).status_code == 303

    def test_may_come_in_a_header_for_scripts(self, guarded: Flask):
        alice = guarded.test_client()
        headers = {"X-CSRFToken": token(alice), "Accept": "application/json"}
        response = alice.post("/", json={"strokes": pen.write(7)}, headers=headers)
        assert response.status_code == 201

    def test_that_scripts_lack_are_told_in_json(self, guarded: Flask):
        headers = {"Accept": "application/json"}
        response = guarded.test_client().post("/", json={"strokes": []}, headers=headers)
        assert "This form is too old" in error_of(response, 400, "bad-request")

    def test_are_not_asked_of_the_api(self, guarded: Flask):
        alice = guarded.test_client()
        assert alice.delete(f"{PREDICTIONS}/{read(alice)['id']}").status_code == 204


class TestRateLimits:
    def test_of_readings_are_told_in_json(self, make_app: MakeApp):
        person = make_app(INKLING_READ_LIMIT="2 per minute").test_client()
        body = {"strokes": pen.write(7), "save": False}
        assert [person.post(PREDICTIONS, json=body).status_code for _ in range(2)] == [200, 200]
        response = person.post(PREDICTIONS, json=body)
        assert "at most 2 per 1 minute" in error_of(response, 429, "too-many-requests")
        assert 0 < int(response.headers["Retry-After"]) <= 61
        assert person.get(PREDICTIONS).status_code == 200

    @pytest.mark.parametrize("path", ["/samples", "/digits/x/explanation.png"])
    def test_hold_for_whatever_asks_the_models(self, make_app: MakeApp, path: str):
        person = make_app(INKLING_READ_LIMIT="1 per minute").test_client()
        assert person.get(path).status_code != 429
        assert person.get(path).status_code == 429

    def test_count_each_address_by_itself(self, make_app: MakeApp):
        person = make_app(INKLING_READ_LIMIT="1 per minute").test_client()
        for address in ("192.0.2.1", "192.0.2.2"):
            body, origin = {"strokes": [], "save": False}, {"REMOTE_ADDR": address}
            response = person.post(PREDICTIONS, json=body, environ_overrides=origin)
            assert response.status_code == 200

    def test_count_threads_at_the_same_moment(
        self, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
    ):
        def keep(self: Any, timer: threading.Timer) -> None:
            self.kept = timer
            time.sleep(0.01)  # for another thread to come between its making and its start

        slow = property(lambda self: self.kept, keep)
        monkeypatch.setattr(SharedMemoryStorage, "timer", slow, raising=False)
        storage = SharedMemoryStorage()
        storage.timer.join()
        with ThreadPoolExecutor(8) as pool:
            counts = pool.map(lambda _: storage.incr("threads", expiry=60), range(80))
            assert sorted(counts) == list(range(1, 81))
        make_app()
        assert isinstance(limiter.storage, SharedMemoryStorage)


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/api/v1/predictions", "/healthz", "/nothing-here"])
    def test_guard_every_answer(self, quiet: FlaskClient, path: str):
        headers = quiet.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers
        assert "Access-Control-Allow-Origin" not in headers

    def test_say_to_stay_on_https_where_there_is_https(self, make_app: MakeApp):
        response = make_app(INKLING_HTTPS=True).test_client().get("/healthz")
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


class TestProxies:
    FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "inkling.example"}  # noqa: RUF012
    ORIGIN = {"Origin": "https://inkling.example"}  # noqa: RUF012

    def test_are_not_believed_unless_told_so(self, guarded: Flask):
        response = guarded.test_client().post(
            PREDICTIONS, json={"strokes": []}, headers=self.FORWARDED | self.ORIGIN
        )
        assert response.status_code == 403

    def test_that_are_trusted_say_under_which_name_the_site_is_known(self, make_app: MakeApp):
        person = make_app(INKLING_TRUSTED_PROXIES=1).test_client()
        response = person.post(
            PREDICTIONS, json={"strokes": pen.write(7)}, headers=self.FORWARDED | self.ORIGIN
        )
        assert response.status_code == 201
        assert "; Secure" in response.headers["Set-Cookie"]
