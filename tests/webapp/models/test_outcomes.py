"""What became of a visitor's corrections: counted from what commands wrote down."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.people import PREDICTIONS, correct, digit_of, read
from webapp.db import begin_write, db
from webapp.models import Digit, Outcome, Submission
from webapp.models.outcomes import Fate, Pair

LIVE = Pair("cnn-1", "dnn-1")


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def write_down(app: Flask, pair: Pair, labels: dict[str, int | None]) -> None:
    with app.app_context():
        begin_write()
        Outcome.replace(pair, labels)
        db.session.commit()


def fate_of(app: Flask, digit_id: str) -> Fate | None:
    with app.app_context():
        visitor_id = db.session.get_one(Digit, digit_id).visitor_id
        assert visitor_id
        return Outcome.fate(visitor_id)


def test_nothing_is_known_of_a_visitor_whose_digits_no_command_has_read_again(
    app: Flask, alice: FlaskClient
):
    digit = digit_of(read(alice, 7))
    correct(alice, digit, 1)

    assert fate_of(app, digit) is None


def test_mended_lost_and_waiting_digits_are_counted_apart(app: Flask, alice: FlaskClient):
    seven, three, five, two, four = (digit_of(read(alice, one)) for one in (7, 3, 5, 2, 4))
    correct(alice, seven, 1)  # will be read right
    correct(alice, three, 8)  # will still be read wrong
    correct(alice, five, 5)  # will be lost
    correct(alice, two, 2)  # will stay right
    correct(alice, four, 9)  # came after the retraining

    write_down(app, LIVE, {seven: 1, three: 3, five: 6, two: 2})

    assert fate_of(app, seven) == Fate(corrected=2, mended=1, confirmed=2, lost=1, waiting=1)


def test_not_a_digit_is_read_right_when_it_is_refused(app: Flask, alice: FlaskClient):
    scribble = digit_of(read(alice, 7))
    correct(alice, scribble, None)

    write_down(app, LIVE, {scribble: None})

    assert fate_of(app, scribble) == Fate(corrected=1, mended=1, confirmed=0, lost=0, waiting=0)


def test_only_what_the_live_versions_said_counts(app: Flask, alice: FlaskClient):
    digit = digit_of(read(alice, 7))
    correct(alice, digit, 1)
    write_down(app, LIVE, {digit: 7})

    with app.app_context():
        begin_write()
        Outcome.keep_only([LIVE])
        db.session.commit()
    assert fate_of(app, digit) == Fate(corrected=1, mended=0, confirmed=0, lost=0, waiting=0)

    with app.app_context():
        begin_write()
        Outcome.keep_only([Pair("cnn-2", "dnn-2")])
        db.session.commit()
    assert fate_of(app, digit) is None


def test_what_was_said_again_replaces_what_was_said_before(app: Flask, alice: FlaskClient):
    digit = digit_of(read(alice, 7))
    correct(alice, digit, 1)

    write_down(app, LIVE, {digit: 7})
    write_down(app, LIVE, {digit: 1})

    assert fate_of(app, digit) == Fate(corrected=1, mended=1, confirmed=0, lost=0, waiting=0)


def test_a_digit_that_was_deleted_meanwhile_is_left_out(app: Flask, alice: FlaskClient):
    digit = digit_of(read(alice, 7))

    write_down(app, LIVE, {digit: 7, "0" * 26: 3})

    with app.app_context():
        assert [one.digit_id for one in db.session.query(Outcome)] == [digit]


@pytest.mark.parametrize("accepted", [True, False])
def test_deleting_forgets_what_became_of_a_correction(
    app: Flask, alice: FlaskClient, bob: FlaskClient, accepted: bool
):
    answer = read(alice, 7)
    correct(bob if accepted else alice, digit_of(answer), 1)
    write_down(app, LIVE, {digit_of(answer): 1})

    assert alice.delete(f"{PREDICTIONS}/{answer['id']}").status_code == 204

    with app.app_context():
        assert db.session.query(Outcome).count() == 0
        assert db.session.query(Submission).count() == 0
        assert db.session.query(Digit).count() == int(accepted)
