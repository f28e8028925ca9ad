import html
import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.pen import scribble
from tests.webapp.steps import FRAGMENT, UNKNOWN_ID, correct, digit_id, draw, post_strokes
from webapp.db import db
from webapp.models import Action, Correction, Digit, Lease
from webapp.models.types import new_id, now


@pytest.fixture
def dora(app: Flask) -> FlaskClient:
    """Return Dora, a second reviewer."""
    app.test_cli_runner().invoke(args=["reviewers", "add", "Dora", "--password", "dora's secret"])
    person = app.test_client()
    person.post("/auth/sign-in", data={"name": "Dora", "password": "dora's secret"})
    return person


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """Return a function that changes what stands on a digit."""

    def change(wanted: str, **values: object) -> None:
        with app.app_context():
            digit = db.session.get(Digit, wanted)
            for name, value in values.items():
                setattr(digit, name, value)
            db.session.commit()

    return change


def queued(page: str) -> list[str]:
    """Return the ids of the digits that a page or a fragment of the queue has, in its order."""
    return re.findall(r'data-digit="(\w+)"', page)


def cases(person: FlaskClient, query: str = "") -> str:
    """Return what the script of the page gets to show next."""
    return "".join(person.get(f"/review/cases{query}").get_json()["cases"])


def test_visitors_are_asked_to_sign_in(alice: FlaskClient) -> None:
    for response in (
        alice.get("/review"),
        alice.get("/review/cases"),
        alice.post(f"/review/{UNKNOWN_ID}"),
    ):
        assert response.status_code == 303
        assert response.location.startswith("/auth/sign-in")


def test_an_empty_queue_says_what_comes_there(bob: FlaskClient) -> None:
    assert "Nothing waits for you" in bob.get("/review").text


def test_what_is_doubted_most_comes_first_each_with_its_reason(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    certain = draw(alice, 1)
    differs = draw(alice, 7)
    correct(alice, differs, 2)
    refused = post_strokes(alice, scribble()).get_json()

    page = cases(bob)

    assert queued(page) == [digit_id(differs), digit_id(refused)]
    assert digit_id(certain) not in page
    assert "the correction, 2, differs from a confident answer: 7 with" in page
    assert "refused: it does not look like a digit" in page


def test_doubts_of_the_answer_are_named(
    alice: FlaskClient, bob: FlaskClient, change: Callable[..., None]
) -> None:
    drawn = digit_id(draw(alice, 7))
    change(drawn, unsure=True, margin=0.03, doubt=0.97, alternatives=[(4, 0.5), (9, 0.47)])

    assert "margin 3 points: 4 or 9" in bob.get("/review").text
    change(drawn, margin=0.6, confidence=0.7)
    assert "only 70 % sure" in bob.get("/review").text
    change(drawn, disagree=True)
    assert "models disagree: 7" in bob.get("/review").text


def test_a_label_that_is_suspected_wrong_is_looked_at_again(
    app: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw(alice, 7)
    correct(bob, answer, 2)
    assert queued(bob.get("/review").text) == []
    with app.app_context():
        db.session.scalars(db.select(Correction)).one().suspect = True
        db.session.commit()

    page = bob.get("/review").text
    assert "label suspected wrong: 2" in page
    assert "It is 7 " in page


def test_the_suggestion_is_what_the_person_said(alice: FlaskClient, bob: FlaskClient) -> None:
    correct(alice, draw(alice, 7), "not-a-digit")

    page = bob.get("/review").text

    assert "It is not a digit <kbd>" in page
    assert 'value="not-a-digit" data-key="Enter"' in page


def test_a_label_accepts_who_said_so_and_leads_on(alice: FlaskClient, bob: FlaskClient) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)

    response = bob.post(f"/review/{digit_id(answer)}", data={"label": "1"})

    assert response.status_code == 303
    page = bob.get(response.location).text
    assert "Nothing waits for you" in page
    assert "Labelled <b>1</b>" in page
    assert "<b data-num-done>1</b>" in page
    assert "accepted\n  by Bob" in alice.get(f"/predictions/{answer['id']}").text


def test_another_label_rejects_what_waits_and_stands_itself(
    app: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)

    bob.post(f"/review/{digit_id(answer)}", data={"label": "7"})

    with app.app_context():
        hers, his = db.session.scalars(db.select(Correction).order_by(Correction.id))
        assert (hers.label, hers.state) == (1, "rejected")
        assert (his.label, his.state) == (7, "accepted")
        digit = db.session.get(Digit, digit_id(answer))
        assert digit
        assert (digit.label, digit.corrected_to, digit.doubt) == (7, 7, None)


def test_undoing_brings_the_digit_back_as_it_was(alice: FlaskClient, bob: FlaskClient) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)
    page = bob.post(f"/review/{digit_id(answer)}", data={"label": "7"}, follow_redirects=True).text
    undo = re.search(r'action="(/predictions/undo/[^"]+)"', page)
    assert undo

    back = bob.post(html.unescape(undo[1]))

    assert back.location.startswith("/review")
    assert "the correction, 1, differs" in bob.get(back.location).text


def test_a_retry_of_the_same_step_changes_nothing(
    app: Flask, alice: FlaskClient, bob: FlaskClient, dora: FlaskClient
) -> None:
    answer, action = draw(alice, 7), new_id()
    data = {"label": "1", "action": action}
    for _ in range(2):
        response = bob.post(f"/review/{digit_id(answer)}", data=data, headers=FRAGMENT)
        assert json.loads(response.text) == {"action": action}

    with app.app_context():
        assert db.session.query(Correction).count() == db.session.query(Action).count() == 1
    assert dora.post(f"/review/{digit_id(answer)}", data=data).status_code == 409
    data["action"] = "no id"
    assert bob.post(f"/review/{digit_id(answer)}", data=data).status_code == 400


def test_a_script_undoes_without_a_page(alice: FlaskClient, bob: FlaskClient) -> None:
    answer, action = draw(alice, 7), new_id()
    bob.post(f"/review/{digit_id(answer)}", data={"label": "1", "action": action})

    undone = bob.post(f"/predictions/undo/{action}?to=review", headers=FRAGMENT)

    assert undone.get_json() == {"digits": 1, "left": 0}


def test_skipping_leads_to_what_is_less_doubtful(alice: FlaskClient, bob: FlaskClient) -> None:
    for label in (7, 4):
        correct(alice, draw(alice, label), 1)
    first = bob.get("/review").text
    skip = re.search(r'data-skip[^>]*href="([^"]+)"', first)
    assert skip
    second = bob.get(html.unescape(skip[1])).text
    assert queued(second) != queued(first)
    skip = re.search(r'data-skip[^>]*href="([^"]+)"', second)
    assert skip

    assert "The end of the queue" in bob.get(html.unescape(skip[1])).text


def test_the_queue_follows_the_filter(alice: FlaskClient, bob: FlaskClient) -> None:
    four = draw(alice, 4)
    for answer in (four, draw(alice, 7)):
        correct(alice, answer, 1)

    assert queued(cases(bob, "?read=4")) == [digit_id(four)]
    assert "review?read=4" in bob.get("/predictions?read=4").text
    assert bob.get("/review?read=x").status_code == 400
    assert bob.get("/review?after=x").status_code == 400


class TestSeveralReviewers:
    def test_do_not_get_the_same_digit(
        self, alice: FlaskClient, bob: FlaskClient, dora: FlaskClient
    ) -> None:
        for label in (7, 4):
            correct(alice, draw(alice, label), 1)

        his, hers = queued(bob.get("/review").text), queued(dora.get("/review").text)

        assert len(his) == len(hers) == 1
        assert his != hers
        assert queued(bob.get("/review").text) == his

    def test_get_what_another_left(
        self, app: Flask, alice: FlaskClient, bob: FlaskClient, dora: FlaskClient
    ) -> None:
        correct(alice, draw(alice, 7), 1)
        his = queued(bob.get("/review").text)
        assert queued(dora.get("/review").text) == []
        with app.app_context():
            db.session.execute(db.update(Lease).values(expires_at=now() - timedelta(seconds=1)))
            db.session.commit()

        assert queued(dora.get("/review").text) == his

    def test_who_differ_make_a_conflict_that_a_label_settles(
        self, app: Flask, alice: FlaskClient, bob: FlaskClient, dora: FlaskClient
    ) -> None:
        answer = draw(alice, 4)
        drawn = digit_id(answer)
        for person, label in ((bob, "4"), (dora, "9")):
            person.post(f"/review/{drawn}", data={"label": label})

        page = bob.get("/review?conflict=yes").text
        assert queued(page) == [drawn]
        assert "two people differ: 4 or 9" in page
        assert "1 on which people differ" in bob.get("/review").text

        dora.post(f"/review/{drawn}", data={"label": "4"})
        assert queued(bob.get("/review?conflict=yes").text) == []
        with app.app_context():
            digit = db.session.get(Digit, drawn)
            assert digit
            assert (digit.corrected_to, digit.correction_state) == (4, "accepted")


def test_unknown_digits_and_labels_are_refused(alice: FlaskClient, bob: FlaskClient) -> None:
    drawn = digit_id(draw(alice))

    assert bob.post(f"/review/{UNKNOWN_ID}", data={"label": "1"}).status_code == 404
    assert bob.post(f"/review/{drawn}", data={"label": "12"}).status_code == 400
    assert bob.post(f"/review/{drawn}").status_code == 400


def test_other_methods_are_not_taken(bob: FlaskClient) -> None:
    assert bob.post("/review").status_code == 405
    assert bob.get(f"/review/{UNKNOWN_ID}").status_code == 405
