"""One step changes many digits, and one step undoes it."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.people import digit_of, read
from webapp.db import db
from webapp.models import Action, Correction, Decision, Digit, Kind, Reviewer, State, Visitor
from webapp.models import actions as module


@pytest.fixture
def digits(app: Flask, alice: FlaskClient) -> Iterator[list[Digit]]:
    """Return three digits that Alice drew."""
    ids = [digit_of(read(alice, 7, seed)) for seed in range(3)]
    with app.app_context():
        yield [db.session.get_one(Digit, one) for one in ids]


@pytest.fixture
def visitor(digits: list[Digit]) -> Visitor:
    """Return Alice."""
    return db.session.get_one(Visitor, digits[0].visitor_id)


@pytest.fixture
def bob(digits: list[Digit]) -> Reviewer:
    """Return Bob, a reviewer."""
    reviewer = Reviewer.add("Bob", "long enough")
    db.session.flush()
    return reviewer


def apply(kind: Kind, digits: list[Digit], label: int | None = None, **by: object) -> Action:
    action = Action.begin(kind, label, **by)
    action.apply([digit.id for digit in digits])
    db.session.commit()
    return action


def states() -> list[tuple[int | None, State]]:
    found = db.session.execute(select(Correction.label, Correction.state).order_by(Correction.id))
    return [(row.label, row.state) for row in found]


def test_a_reviewers_label_accepts_rejects_and_adds_where_needed(
    digits: list[Digit], visitor: Visitor, bob: Reviewer
) -> None:
    Correction.add(digits[0], 4, visitor=visitor)
    Correction.add(digits[1], 9, visitor=visitor)
    db.session.flush()

    action = apply(Kind.LABEL, digits, 4, reviewer=bob)

    assert action.num_digits == 3
    assert sorted(states()) == [
        (4, "accepted"),
        (4, "accepted"),
        (4, "accepted"),
        (9, "rejected"),
    ]
    assert [digit.corrected_to for digit in digits] == [4, 4, 4]
    assert apply(Kind.LABEL, digits[1:], 4, reviewer=bob).num_digits == 0


def test_undoing_puts_back_every_state_and_keeps_every_decision(
    digits: list[Digit], visitor: Visitor, bob: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DIGITS_PER_TRANSACTION", 2)
    Correction.add(digits[0], 4, visitor=visitor)
    Correction.add(digits[1], 9, visitor=visitor)
    db.session.flush()
    before = states()
    action = apply(Kind.LABEL, digits, 4, reviewer=bob)

    undone = db.session.get_one(Action, action.id).undo()

    assert (undone.digits, undone.left) == (3, 0)
    assert [one for one in states() if one[1] != "withdrawn"] == before
    assert [digit.correction_state for digit in digits] == ["pending", "pending", "none"]
    steps = db.session.execute(select(Decision.from_state, Decision.to_state)).all()
    assert (State.ACCEPTED, State.WITHDRAWN) in steps
    assert (State.REJECTED, State.PENDING) in steps


def test_accepting_takes_what_waits_as_it_is(
    digits: list[Digit], visitor: Visitor, bob: Reviewer
) -> None:
    for digit, label in zip(digits[:2], (None, 3), strict=True):
        Correction.add(digit, label, visitor=visitor)
    db.session.flush()

    assert apply(Kind.ACCEPT, digits, reviewer=bob).num_digits == 2
    assert [digit.corrected_to for digit in digits] == [-1, 3, None]


def test_a_visitor_says_the_same_only_once(digits: list[Digit], visitor: Visitor) -> None:
    assert apply(Kind.LABEL, digits, 5, visitor=visitor).num_digits == 3
    assert apply(Kind.LABEL, digits, 5, visitor=visitor).num_digits == 0
    assert apply(Kind.LABEL, digits, 6, visitor=visitor).num_digits == 3
    assert {digit.correction_state for digit in digits} == {"pending"}


def test_only_reviewers_decide(digits: list[Digit], visitor: Visitor) -> None:
    for kind in (Kind.ACCEPT, Kind.REJECT):
        with pytest.raises(ValueError, match="only a reviewer"):
            Action.begin(kind, visitor=visitor)
    with pytest.raises(ValueError, match="only a reviewer"):
        Action.begin(Kind.LABEL, 4)


def test_a_forgotten_visitor_is_not_known_by_their_actions(
    digits: list[Digit], visitor: Visitor, bob: Reviewer
) -> None:
    from webapp.models import Submission

    apply(Kind.LABEL, digits[:1], 5, visitor=visitor)
    apply(Kind.ACCEPT, digits[:1], reviewer=bob)
    Submission.delete_all(Submission.visitor_id == visitor.id)
    db.session.commit()

    kept = db.session.get_one(Digit, digits[0].id)
    assert (kept.reading, kept.corrected_to) == ("7", 5)
    first, second = db.session.scalars(select(Decision).order_by(Decision.id))
    assert (first.visitor_id, first.action_id) == (None, None)
    assert second.action_id is not None
