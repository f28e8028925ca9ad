"""Commands have corrected digits read again; what the versions say of them is kept."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml.bundle import Bundle
from tests.people import correct, digit_of, read
from webapp import outcomes
from webapp.db import begin_write, db
from webapp.models import Digit, ModelVersion, Outcome, Promotion
from webapp.models.outcomes import Pair


@pytest.fixture
def corrected(alice: FlaskClient) -> list[str]:
    """Return the ids of five digits that Alice corrected, the last one withdrawn again."""
    ids = [digit_of(read(alice, label)) for label in range(5)]
    for digit_id in ids:
        correct(alice, digit_id, 9)
    alice.delete(f"/api/v1/digits/{ids[-1]}/corrections/newest")
    return ids


def rows(app: Flask) -> set[tuple[str, str, str, int]]:
    with app.app_context():
        return {
            (one.digit_id, one.cnn_name, one.dnn_name, one.label)
            for one in db.session.query(Outcome)
        }


def test_the_live_versions_are_asked_about_what_was_corrected(app: Flask, corrected: list[str]):
    with app.app_context():
        outcomes.ask()
        read_as = {one.id: one.label for one in db.session.query(Digit)}

    assert rows(app) == {(one, "cnn-1", "dnn-1", read_as[one]) for one in corrected[:4]}


def test_new_versions_are_asked_in_every_pair_that_could_go_live(
    app: Flask, corrected: list[str], make_bundle: Callable[..., Bundle]
):
    with app.app_context():
        begin_write()
        new = [ModelVersion.add(make_bundle(family=one), origin="train") for one in ("cnn", "dnn")]
        db.session.commit()
        outcomes.ask(new)

    assert {row[1:3] for row in rows(app)} == {
        ("cnn-1", "dnn-1"),
        ("cnn-1", "dnn-2"),
        ("cnn-2", "dnn-1"),
        ("cnn-2", "dnn-2"),
    }
    assert len(rows(app)) == 16


def test_only_live_versions_and_those_before_them_are_remembered(
    app: Flask, corrected: list[str], make_bundle: Callable[..., Bundle]
):
    with app.app_context():
        begin_write()
        new = [ModelVersion.add(make_bundle(family=one), origin="train") for one in ("cnn", "dnn")]
        db.session.commit()
        outcomes.ask(new)
        Promotion.promote(new, by="test", reason="to see")
        db.session.commit()
        outcomes.ask()

    assert {row[1:3] for row in rows(app)} == {("cnn-1", "dnn-1"), ("cnn-2", "dnn-2")}


def test_many_digits_are_read_some_at_a_time(
    app: Flask, corrected: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outcomes, "DIGITS_PER_TRANSACTION", 2)
    with app.app_context():
        outcomes.ask()

    assert len(rows(app)) == 4


def test_digits_that_belong_to_nobody_any_more_are_not_read(app: Flask, corrected: list[str]):
    with app.app_context():
        db.session.execute(db.update(Digit).values(visitor_id=None))
        db.session.commit()
        outcomes.ask()

    assert not rows(app)


def told(person: FlaskClient, address: str = "/predictions") -> str:
    """Return what the page of predictions says of corrections, empty if nothing."""
    found = re.search(r'<p class="outcome".*?</p>', person.get(address).text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split()) if found else ""


def write_down(app: Flask, labels: dict[str, int | None]) -> None:
    with app.app_context():
        begin_write()
        Outcome.replace(Pair("cnn-1", "dnn-1"), labels)
        db.session.commit()


def test_a_visitor_is_told_what_became_of_their_corrections_and_nobody_else_is(
    app: Flask, alice: FlaskClient, charlie: FlaskClient, corrected: list[str]
):
    assert told(alice) == ""
    read(charlie, 3)

    write_down(app, {corrected[0]: 9, corrected[1]: 9, corrected[2]: 2})

    assert told(alice) == (
        "Of your 3 corrections 2 are now read right. 1 newer one has not been tried yet. "
        "How the models changed"
    )
    assert told(charlie) == ""


def test_a_visitor_is_told_what_was_lost(app: Flask, alice: FlaskClient):
    seven, three = digit_of(read(alice, 7)), digit_of(read(alice, 3))
    correct(alice, seven, 7)
    correct(alice, three, 3)

    write_down(app, {seven: 7, three: 8})

    assert told(alice).startswith("Of the 2 that you confirmed 1 was lost.")


def test_a_reviewer_is_told_of_their_own_among_their_own_alone(app: Flask, bob: FlaskClient):
    digit = digit_of(read(bob, 7))
    correct(bob, digit, 1)

    write_down(app, {digit: 1})

    assert told(bob) == ""
    assert told(bob, "/predictions?mine=1").startswith("Of your 1 correction 1 is now read right.")
