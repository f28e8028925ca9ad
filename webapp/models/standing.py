"""Keeps true what stands on each digit for the history and the queue to find it by.

It is derived in two places alone: from what the models said when a digit is first saved, and from
its corrections whenever one of them changes.
"""

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    event,
    exists,
    func,
    inspect,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.util import identity_key
from sqlalchemy.types import String

from ml.datasets import NOT_A_DIGIT
from webapp.db import db
from webapp.models.corrections import Correction, State
from webapp.models.digits import READING_LENGTH, UNCORRECTED, Digit

if TYPE_CHECKING:
    from webapp.models.submissions import Submission

REFUSED_DOUBT = 0.5
"""A refusal has no margin to go by; most are right, and what is not is worth a lesson."""
SUSPECT_DOUBT = 0.99
CONFLICT_DOUBT = 1.0
PLACE = ("replaced_at", "line", "position")
CORRECTED = "corrected digits"
RESTATED = ("corrected_to", "correction_state", "conflict", "doubt")


def describe(digit: Digit) -> None:
    """Fill in what follows from the submission and from what the models said."""
    models = digit.models
    digit.source = digit.submission.source if digit.submission else "import"
    digit.cnn_version = models["cnn"].version_name if "cnn" in models else None
    digit.dnn_version = models["dnn"].version_name if "dnn" in models else None
    digit.disagree = len({one.label for one in models.values()}) > 1
    digit.sureness = None if digit.confidence is None else int(100 * digit.confidence)
    digit.margin = _margin([share for _, share in digit.alternatives or []])
    digit.doubt = _doubt_of_answer(digit)


def _margin(shares: list[float]) -> float:
    return shares[0] - shares[1] if len(shares) > 1 else 1.0


def _doubt_of_answer(digit: Digit) -> float | None:
    if digit.refused:
        return REFUSED_DOUBT
    return 1 - digit.margin if digit.unsure or digit.disagree else None


def restate(which: ColumnElement[bool]) -> None:
    """Derive anew what follows from the corrections of digits; the caller commits."""
    statement = update(Digit).where(which)
    for values in (_standing_values(), {"doubt": _doubt()}):
        once = statement.values(values).execution_options(synchronize_session=False)
        db.session.execute(once)


@cache
def _standing_values() -> dict[str, Any]:
    label = func.coalesce(Correction.label, NOT_A_DIGIT)
    return {
        "corrected_to": _of_standing(label),
        "correction_state": func.coalesce(_of_standing(Correction.state), UNCORRECTED),
        "conflict": _in_conflict(),
    }


def _of_standing(value: Any) -> Any:
    """Select something of the newest correction that is not withdrawn."""
    query = select(value).where(
        Correction.digit_id == Digit.id, Correction.state != State.WITHDRAWN
    )
    return query.order_by(Correction.id.desc()).limit(1).correlate(Digit).scalar_subquery()


def _in_conflict() -> ColumnElement[bool]:
    """Tell whether two people's newest words differ, and neither was rejected."""
    one, other = aliased(Correction), aliased(Correction)
    differ = func.coalesce(one.label, NOT_A_DIGIT) < func.coalesce(other.label, NOT_A_DIGIT)
    return exists(
        select(literal(1))
        .where(
            one.digit_id == Digit.id,
            other.digit_id == Digit.id,
            differ,
            _person(one) != _person(other),
            _is_newest_word(one),
            _is_newest_word(other),
        )
        .correlate(Digit)
    )


def _person(correction: Any) -> ColumnElement[str]:
    """Return what tells people apart; corrections from files are all one's."""
    return case(
        (correction.reviewer_id.is_not(None), sql_cast(correction.reviewer_id, String)),
        else_=func.coalesce(correction.visitor_id, "file"),
    )


def _is_newest_word(correction: Any) -> ColumnElement[bool]:
    newer = aliased(Correction)
    live = (State.PENDING, State.ACCEPTED)
    superseded = exists(
        select(literal(1))
        .where(
            newer.digit_id == correction.digit_id,
            newer.id > correction.id,
            newer.state.in_(live),
            _person(newer) == _person(correction),
        )
        .correlate(Digit, correction)
    )
    return and_(correction.state.in_(live), not_(superseded))


@cache
def _doubt() -> ColumnElement[float]:
    """Return how much a digit needs a look, from its columns as they now stand."""
    suspect = _of_standing(and_(Correction.suspect, Correction.state == State.ACCEPTED))
    differs = Digit.corrected_to != func.coalesce(Digit.label, NOT_A_DIGIT)
    confident = Digit.confidence > 1 - Digit.margin
    return case(
        (Digit.conflict, CONFLICT_DOUBT),
        (suspect, SUSPECT_DOUBT),
        (
            and_(Digit.correction_state == State.PENDING, differs, confident),
            Digit.confidence,
        ),
        (Digit.correction_state == State.PENDING, 1 - Digit.margin),
        (Digit.correction_state != UNCORRECTED, None),
        (Digit.refused.is_not(None), REFUSED_DOUBT),
        (or_(Digit.unsure, Digit.disagree), 1 - Digit.margin),
    )


@event.listens_for(db.session, "before_flush")
def _describe_new(session: Session, _context: Any, _instances: Any) -> None:
    """Describe new digits, and write down the reading of each submission that changed."""
    new = [one for one in session.new if isinstance(one, Digit)]
    for digit in new:
        describe(digit)
    changed = [one for one in session.dirty if isinstance(one, Digit) and _is_moved(one)]
    for submission in {one.submission for one in (*new, *changed) if one.submission}:
        _write_reading(submission)


def _is_moved(digit: Digit) -> bool:
    """Tell whether a digit left its place in the reading, or got another."""
    attributes = inspect(digit).attrs
    return any(attributes[name].history.has_changes() for name in PLACE)


def _write_reading(submission: "Submission") -> None:
    shown = [one for one in submission.digits if one.replaced_at is None]
    shown.sort(key=lambda one: (one.line or 0, one.position or 0))
    lines = groupby(shown, key=lambda one: one.line or 0)
    reading = " ".join("".join(one.mark for one in line) for _, line in lines)[:READING_LENGTH]
    for digit in shown:
        if digit.reading != reading:
            digit.reading = reading


@event.listens_for(db.session, "after_flush")
def _note_corrected(session: Session, _context: Any) -> None:
    """Remember each digit of which a correction was made, decided on or suspected."""
    touched = {one for one in (*session.new, *session.dirty) if isinstance(one, Correction)}
    session.info.setdefault(CORRECTED, set()).update(one.digit_id for one in touched)


@event.listens_for(db.session, "after_flush_postexec")
def _restate_corrected(session: Session, _context: Any) -> None:
    digit_ids = session.info.pop(CORRECTED, set())
    if digit_ids:
        restate(Digit.id.in_(digit_ids))
    for digit_id in digit_ids:
        digit = session.identity_map.get(identity_key(Digit, digit_id))
        if digit is not None:
            session.expire(digit, RESTATED)
