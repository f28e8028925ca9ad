import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webapp.steps import accept_all, correct, digit_id, draw
from webapp import audit


@pytest.fixture
def dora(app: Flask) -> FlaskClient:
    """Return Dora, a second reviewer."""
    app.test_cli_runner().invoke(args=["reviewers", "add", "Dora", "--password", "dora's secret"])
    person = app.test_client()
    person.post("/auth/sign-in", data={"name": "Dora", "password": "dora's secret"})
    return person


def words(page: str) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.parametrize("path", ["/audit", "/audit/people"])
def test_visitors_are_asked_to_sign_in(alice: FlaskClient, path: str) -> None:
    assert alice.get(path).location.startswith("/auth/sign-in")
    assert alice.post(path).status_code == 405


def test_nothing_said_yet_is_said(bob: FlaskClient) -> None:
    assert "Nobody has said anything yet" in bob.get("/audit").text
    assert "No visitor has corrected anything yet" in bob.get("/audit/people").text


def test_it_says_who_did_what_newest_first(alice: FlaskClient, bob: FlaskClient) -> None:
    correct(alice, draw(alice, 7), 1)
    accept_all(bob)

    said = words(bob.get("/audit").text)

    assert "Bob moved 1 from pending to accepted · read as 7 · with one step" in said
    assert "a visitor said 1 · read as 7" in said
    assert said.index("Bob moved") < said.index("a visitor said")


def test_it_is_paged_by_key(
    alice: FlaskClient, bob: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE_SIZE", 2)
    for label in (1, 2, 3):
        correct(alice, draw(alice, 7), label)

    first = bob.get("/audit").text
    older = re.search(r'rel="next"[^>]*href="([^"]+)"', first)
    assert older
    second = bob.get(older[1]).text

    assert re.findall(r"said <b>(\d)", first) == ["3", "2"]
    assert re.findall(r"said <b>(\d)", second) == ["1"]
    assert 'rel="next"' not in second
    assert bob.get("/audit?after=x").status_code == 400


def test_it_survives_that_a_visitor_is_forgotten(alice: FlaskClient, bob: FlaskClient) -> None:
    correct(alice, draw(alice, 7), 1)
    accept_all(bob)
    alice.post("/predictions/delete-all")

    assert "somebody unknown said 1" in words(bob.get("/audit").text)


def test_reviewers_see_how_far_they_agree(
    alice: FlaskClient, bob: FlaskClient, dora: FlaskClient
) -> None:
    same, other = (draw(alice, 7) for _ in range(2))
    for person, labels in ((bob, ("7", "1")), (dora, ("7", "7"))):
        for answer, label in zip((same, other), labels, strict=True):
            person.post(f"/review/{digit_id(answer)}", data={"label": label})

    assert "Bob and Dora 50 % 1 1" in words(bob.get("/audit/people").text)


def test_each_visitors_acceptance_is_shown(alice: FlaskClient, bob: FlaskClient) -> None:
    right, wrong, waiting = (draw(alice, 7) for _ in range(3))
    for answer in (right, wrong, waiting):
        correct(alice, answer, 1)
    bob.post(f"/review/{digit_id(right)}", data={"label": "1"})
    bob.post(f"/review/{digit_id(wrong)}", data={"label": "7"})

    assert "50 % 1 1 1" in words(bob.get("/audit/people").text)
