"""Which correction stands, which counts for training, and who decided what."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from webapp.db import db
from webapp.models import Correction, Digit, Picture, Reviewer, State, Visitor
from webapp.models.corrections import check_label


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def alice() -> Visitor:
    return added(Visitor())


@pytest.fixture
def bob() -> Reviewer:
    return Reviewer.add("Bob", "correct horse")


@pytest.fixture
def digit(alice: Visitor) -> Digit:
    return new_digit(alice)


def added(record: Any) -> Any:
    db.session.add(record)
    db.session.flush()
    return record


def new_digit(visitor: Visitor) -> Digit:
    digit = Digit(visitor_id=visitor.id, picture_sha256="0" * 64, preprocessing_version=1)
    digit.holdout, digit.picture = False, Picture(pixels=bytes(784))
    return added(digit)


def lessons() -> list[int | None]:
    db.session.flush()
    return [one.label for one in Correction.lessons()]


def history(correction: Correction) -> list[tuple[str | None, str]]:
    return [(one.from_state, one.to_state) for one in correction.decisions]


def test_a_visitors_waits_a_reviewers_and_a_files_count(
    digit: Digit, alice: Visitor, bob: Reviewer
):
    assert Correction.add(digit, 1, visitor=alice).state == State.PENDING
    assert Correction.add(digit, 1, reviewer=bob).state == State.ACCEPTED
    assert Correction.add(digit, 1).state == State.ACCEPTED


def test_a_reviewer_with_a_visitors_cookie_is_a_reviewer(
    digit: Digit, alice: Visitor, bob: Reviewer
):
    correction = Correction.add(digit, 1, visitor=alice, reviewer=bob)
    assert (correction.state, correction.visitor_id) == (State.ACCEPTED, None)


def test_every_move_is_written_down_with_who_made_it(digit: Digit, alice: Visitor, bob: Reviewer):
    correction = Correction.add(digit, 1, visitor=alice)
    db.session.flush()
    correction.decide(State.REJECTED, reviewer=bob)
    correction.decide(State.ACCEPTED, reviewer=bob)
    correction.decide(State.WITHDRAWN, visitor=alice)
    db.session.flush()
    assert history(correction) == [
        (None, "pending"),
        ("pending", "rejected"),
        ("rejected", "accepted"),
        ("accepted", "withdrawn"),
    ]
    by = [(one.visitor_id, one.reviewer_id) for one in correction.decisions]
    assert by == [(alice.id, None), (None, bob.id), (None, bob.id), (alice.id, None)]


def test_nothing_is_decided_twice_or_after_it_was_withdrawn(digit: Digit, alice: Visitor):
    correction = Correction.add(digit, 1, visitor=alice)
    with pytest.raises(ValueError, match="is pending already"):
        correction.decide(State.PENDING)
    correction.decide(State.WITHDRAWN)
    with pytest.raises(ValueError, match="is withdrawn already"):
        correction.decide(State.ACCEPTED)
    assert history(correction) == [(None, "pending"), ("pending", "withdrawn")]


def test_the_newest_that_is_not_withdrawn_stands(digit: Digit, alice: Visitor):
    first = Correction.add(digit, 1, visitor=alice)
    second = Correction.add(digit, 2, visitor=alice)
    db.session.flush()
    assert digit.correction is second
    second.decide(State.WITHDRAWN)
    assert digit.correction is first
    first.decide(State.WITHDRAWN)
    assert digit.correction is None


class TestLessons:
    def test_are_the_newest_accepted_of_each_digit(self, alice: Visitor, bob: Reviewer):
        one, two = new_digit(alice), new_digit(alice)
        for label in (1, 2):
            Correction.add(one, label, reviewer=bob)
        Correction.add(two, None, reviewer=bob)
        assert lessons() == [2, None]

    def test_are_not_displaced_by_a_newer_pending_one(
        self, digit: Digit, alice: Visitor, bob: Reviewer
    ):
        Correction.add(digit, 1, reviewer=bob)
        newer = Correction.add(digit, 2, visitor=alice)
        assert lessons() == [1]
        newer.decide(State.ACCEPTED, reviewer=bob)
        assert lessons() == [2]

    def test_fall_back_when_the_newest_is_withdrawn_or_rejected(self, digit: Digit, bob: Reviewer):
        Correction.add(digit, 1, reviewer=bob)
        newer = Correction.add(digit, 2, reviewer=bob)
        newer.decide(State.REJECTED, reviewer=bob)
        assert lessons() == [1]

    @pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN])
    def test_have_no_other_states(self, digit: Digit, alice: Visitor, state: State):
        Correction.add(digit, 1, visitor=alice).decide(state)
        Correction.add(digit, 2, visitor=alice)
        assert lessons() == []


@pytest.mark.parametrize("label", [*range(10), None])
def test_a_label_is_a_digit_or_not_a_digit(label: int | None):
    assert check_label(label) is label


@pytest.mark.parametrize("value", [-1, 10, 11, True, 7.0, "7", [7], 10**400])
def test_anything_else_is_no_label(value: object):
    with pytest.raises(ValueError, match="label must be a number from 0 to 9"):
        check_label(value)
