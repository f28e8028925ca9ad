"""What stands on a digit for the history follows its answer and its corrections."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.people import correct, digit_of, read
from webapp.db import db
from webapp.models import Correction, Digit, Reviewer, State, Visitor


@pytest.fixture
def digit(app: Flask, alice: FlaskClient) -> Digit:
    """Return a digit that Alice drew, read as 7, in a session."""
    digit_id = digit_of(read(alice, 7))
    with app.app_context():
        found = db.session.get(Digit, digit_id)
        assert found
        yield found


def say(digit: Digit, label: int | None, **by: object) -> Correction:
    correction = Correction.add(digit, label, **by)
    db.session.flush()
    return correction


def reviewer(name: str) -> Reviewer:
    found = Reviewer.add(name, "long enough")
    db.session.flush()
    return found


def test_a_new_digit_says_what_the_history_is_filtered_by(digit: Digit) -> None:
    assert (digit.source, digit.reading) == ("api", "7")
    assert (digit.cnn_version, digit.dnn_version) == ("cnn-1", "dnn-1")
    assert digit.sureness == int(100 * digit.confidence)
    assert digit.margin == digit.alternatives[0][1] - digit.alternatives[1][1]
    assert (digit.disagree, digit.correction_state, digit.doubt) == (False, "none", None)


def test_a_correction_that_differs_from_a_confident_answer_is_doubted(digit: Digit) -> None:
    visitor = db.session.get(Visitor, digit.visitor_id)
    say(digit, 1, visitor=visitor)

    assert (digit.corrected_to, digit.correction_state) == (1, "pending")
    assert digit.doubt == digit.confidence


def test_a_decision_ends_the_doubt_and_withdrawing_restores_what_was(digit: Digit) -> None:
    visitor = db.session.get(Visitor, digit.visitor_id)
    correction = say(digit, None, visitor=visitor)
    correction.decide(State.ACCEPTED, reviewer=reviewer("Bob"))
    db.session.flush()
    assert (digit.corrected_to, digit.correction_state, digit.doubt) == (-1, "accepted", None)

    correction.decide(State.WITHDRAWN)
    db.session.flush()
    assert (digit.corrected_to, digit.correction_state) == (None, "none")


def test_two_people_who_differ_are_a_conflict_until_one_is_rejected(digit: Digit) -> None:
    first = say(digit, 4, reviewer=reviewer("Bob"))
    assert not digit.conflict
    say(digit, 9, reviewer=reviewer("Dora"))
    assert (digit.conflict, digit.doubt) == (True, 1.0)

    first.decide(State.REJECTED)
    db.session.flush()
    assert (digit.conflict, digit.doubt) == (False, None)


def test_one_person_who_changes_their_mind_is_no_conflict(digit: Digit) -> None:
    bob, dora = reviewer("Bob"), reviewer("Dora")
    say(digit, 4, reviewer=bob)
    say(digit, 9, reviewer=bob)
    say(digit, 9, reviewer=dora)

    assert not digit.conflict


def test_a_suspect_label_is_doubted_until_somebody_labels_anew(digit: Digit) -> None:
    bob = reviewer("Bob")
    say(digit, 1, reviewer=bob).suspect = True
    db.session.flush()
    assert digit.doubt == 0.99

    say(digit, 1, reviewer=bob)
    assert digit.doubt is None


def test_a_withdrawn_correction_leaves_the_history(
    app: Flask, alice: FlaskClient, digit: Digit
) -> None:
    correct(alice, digit.id, 1)
    alice.delete(f"/api/v1/digits/{digit.id}/corrections/newest")

    db.session.expire_all()
    assert digit.correction_state == "none"
