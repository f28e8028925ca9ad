"""Visitors are known by a signed cookie; reviewers sign in."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy import update

from tests.conftest import BOB, dispose
from tests.people import PREDICTIONS, read
from webapp import create_app
from webapp.auth import SALT, VISITOR_COOKIE
from webapp.db import db
from webapp.models import Reviewer, SignInLink
from webapp.models.types import now

NAME, PASSWORD = BOB


def link(app: Flask, *arguments: str) -> str:
    """Return the path of a new one-time link."""
    result = app.test_cli_runner().invoke(args=["reviewers", "link", *arguments])
    assert result.exit_code == 0, result.output
    found = re.search(r"/auth/link/\S+", result.output)
    assert found
    return found[0]


def is_reviewer(person: FlaskClient) -> bool:
    return person.get("/review").status_code == 200


class TestTheVisitorCookie:
    def test_is_signed(self, app: Flask, alice: FlaskClient, charlie: FlaskClient):
        path = f"{PREDICTIONS}/{read(alice)['id']}"
        genuine = alice.get_cookie(VISITOR_COOKIE)
        assert genuine is not None
        visitor_id = URLSafeSerializer(app.secret_key or "", salt=SALT).loads(genuine.value)
        forged = URLSafeSerializer("another secret" * 3, salt=SALT).dumps(visitor_id)
        for value in (forged, visitor_id, genuine.value[:-1] + "x", "", "é", "." * 3000):
            charlie.set_cookie(VISITOR_COOKIE, str(value))
            assert charlie.get(path).status_code == 404

    def test_of_a_visitor_who_is_no_more_is_replaced(self, app: Flask, alice: FlaskClient):
        gone = URLSafeSerializer(app.secret_key or "", salt=SALT).dumps("01" + "0" * 24)
        alice.set_cookie(VISITOR_COOKIE, str(gone))
        read(alice)
        renewed = alice.get_cookie(VISITOR_COOKIE)
        assert renewed is not None
        assert renewed.value != gone

    @pytest.mark.parametrize("value", [None, 7, ["01"], {}])
    def test_with_something_else_in_it_is_nobodys(
        self, app: Flask, client: FlaskClient, value: object
    ):
        signed = URLSafeSerializer(app.secret_key or "", salt=SALT).dumps(value)
        client.set_cookie(VISITOR_COOKIE, str(signed))
        assert client.get(PREDICTIONS).get_json()["items"] == []

    def test_is_secure_under_https(self, client: FlaskClient):
        body = {"strokes": [[[10, 10], [10, 200]]]}
        response = client.post(PREDICTIONS, json=body, base_url="https://localhost")
        assert "; Secure" in response.headers["Set-Cookie"]

    def test_is_not_set_with_an_error(self, client: FlaskClient):
        response = client.post(PREDICTIONS, json={"strokes": 7})
        assert "Set-Cookie" not in response.headers

    def test_stays_when_a_reviewer_signs_out(self, bob: FlaskClient):
        mine = read(bob)["id"]
        assert bob.post("/auth/sign-out").status_code == 303
        assert not is_reviewer(bob)
        assert bob.get(f"{PREDICTIONS}/{mine}").status_code == 200


class TestSigningIn:
    def test_opens_the_review(self, bob: FlaskClient):
        assert is_reviewer(bob)

    @pytest.mark.parametrize(
        "name, password",
        [
            (NAME, "wrong horse battery"),
            (NAME, ""),
            ("Nobody", PASSWORD),
            ("", ""),
            ("bob", PASSWORD),
            ("\0", "\0"),
            ("B" * 100_000, PASSWORD),
        ],
    )
    def test_with_another_name_or_password_is_refused_in_the_same_words(
        self, app: Flask, bob: FlaskClient, charlie: FlaskClient, name: str, password: str
    ):
        response = charlie.post("/auth/sign-in", data={"name": name, "password": password})
        assert response.status_code == 401
        assert "Name or password is wrong" in response.text
        assert not is_reviewer(charlie)

    def test_shows_its_form(self, client: FlaskClient):
        response = client.get("/auth/sign-in?next=/versions")
        assert response.status_code == 200
        assert 'value="/versions"' in response.text

    @pytest.mark.parametrize("target", ["/versions", "/review?after=1", "/predictions/x#digit"])
    def test_goes_on_to_a_page_of_this_site(self, bob: FlaskClient, target: str):
        data = {"name": NAME, "password": PASSWORD, "next": target}
        response = bob.post("/auth/sign-in", data=data)
        assert (response.status_code, response.headers["Location"]) == (303, target)

    @pytest.mark.parametrize(
        "target",
        [
            "",
            "versions",
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=y",
        ],
    )
    def test_never_goes_on_to_another_site(self, bob: FlaskClient, target: str):
        data = {"name": NAME, "password": PASSWORD, "next": target}
        response = bob.post("/auth/sign-in", data=data)
        assert (response.status_code, response.headers["Location"]) == (303, "/review")

    def test_is_asked_for_by_pages_of_reviewers(self, client: FlaskClient):
        response = client.get("/review?after=1")
        assert response.status_code == 303
        assert response.headers["Location"] == "/auth/sign-in?next=/review?after%3D1"
        posted = client.post("/review/1")
        assert (posted.status_code, posted.headers["Location"]) == (303, "/auth/sign-in")

    def test_is_limited_in_its_tries(self, instance: object):
        limited = create_app(
            {"TESTING": True, "WTF_CSRF_ENABLED": False, "INKLING_SIGN_IN_LIMIT": "3 per hour"}
        )
        guesser = limited.test_client()
        tries = [guesser.post("/auth/sign-in", data={"name": "Bob"}) for _ in range(4)]
        assert [response.status_code for response in tries] == [401, 401, 401, 429]
        assert "Too many requests: at most 3 per 1 hour" in tries[-1].text
        assert int(tries[-1].headers["Retry-After"]) > 3000
        assert guesser.get("/").status_code == 200
        dispose(limited)


class TestAOneTimeLink:
    def test_makes_the_first_reviewer_and_signs_in(self, app: Flask, client: FlaskClient):
        path = link(app)
        assert client.get(path).status_code == 200
        response = client.post(path, data={"name": " Dora ", "password": "dora's own words"})
        assert (response.status_code, response.headers["Location"]) == (303, "/review")
        assert is_reviewer(client)
        with app.app_context():
            assert Reviewer.named("Dora") is not None

    def test_sets_a_new_password(self, app: Flask, bob: FlaskClient, client: FlaskClient):
        response = client.post(link(app, NAME), data={"password": "another battery"})
        assert response.status_code == 303
        data = {"name": NAME, "password": PASSWORD}
        assert client.post("/auth/sign-in", data=data).status_code == 401

    def test_is_good_once(self, app: Flask, client: FlaskClient, charlie: FlaskClient):
        path = link(app)
        client.post(path, data={"name": "Dora", "password": "dora's own words"})
        for response in (
            charlie.get(path),
            charlie.post(path, data={"name": "Eve", "password": "eve's own words"}),
        ):
            assert response.status_code == 404
            assert "used already, or is older than a day" in response.text
        assert not is_reviewer(charlie)

    def test_is_good_for_a_day(self, app: Flask, client: FlaskClient):
        path = link(app)
        with app.app_context():
            (found,) = db.session.query(SignInLink).all()
            assert found.expires_at - found.created_at == pytest.approx(
                timedelta(days=1), abs=timedelta(seconds=1)
            )
            late = now() - timedelta(seconds=1)
            db.session.execute(update(SignInLink).values(expires_at=late))
            db.session.commit()
        assert client.get(path).status_code == 404

    def test_is_kept_as_a_hash_only(self, app: Flask):
        token = link(app).rpartition("/")[2]
        with app.app_context():
            (found,) = db.session.query(SignInLink).all()
            assert token not in str(vars(found))
            assert len(found.token_sha256) == 64
            assert SignInLink.usable(found.token_sha256) is None

    def test_ends_when_a_newer_one_is_made(self, app: Flask, client: FlaskClient):
        older, newer = link(app), link(app)
        assert client.get(older).status_code == 404
        assert client.get(newer).status_code == 200

    @pytest.mark.parametrize(
        "name, password, told",
        [
            ("Dora", "short", "at least 8 characters"),
            ("", "dora's own words", "1 to 80 characters"),
            ("D" * 81, "dora's own words", "1 to 80 characters"),
            (NAME, "dora's own words", "already; choose another name"),
        ],
    )
    def test_is_not_used_up_by_a_mistake(
        self, app: Flask, bob: FlaskClient, client: FlaskClient, name: str, password: str, told: str
    ):
        path = link(app)
        response = client.post(path, data={"name": name, "password": password})
        assert response.status_code == 400
        assert told in response.text
        assert client.post(path, data={"name": "Dora", "password": "good words"}).status_code == 303

    @pytest.mark.parametrize("token", ["x", "%00", "a" * 2000])
    def test_that_never_was_is_not_found(self, client: FlaskClient, token: str):
        assert client.get(f"/auth/link/{token}").status_code == 404


@pytest.mark.parametrize("path", ["/auth/sign-out"])
def test_signing_out_by_a_mere_link_does_not_work(bob: FlaskClient, path: str):
    assert bob.get(path).status_code == 405
    assert is_reviewer(bob)


def test_a_new_password_ends_the_sessions_that_the_old_one_began(app: Flask, bob: FlaskClient):
    assert is_reviewer(bob)
    path = link(app, NAME)
    app.test_client().post(path, data={"name": NAME, "password": "another good one"})
    assert not is_reviewer(bob)
