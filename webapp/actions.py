"""What a person does to digits in one step: one in the review queue, or many in the history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import abort
from sqlalchemy import func, select

from webapp.auth import current_actor
from webapp.db import begin_write, db
from webapp.models import Action, Digit, Kind, Lease, Reviewer, Submission
from webapp.models.actions import DIGITS_PER_TRANSACTION, Undone
from webapp.models.history import History
from webapp.models.types import is_id


@dataclass(frozen=True)
class Chosen:
    """The digits that a person chose in the history.

    Attributes:
        history: what the page showed; None for somebody who never had anything saved.
        digit_ids: the chosen ones; others than those that the person may see are left out.
        all: all that the filter shows are meant.
    """

    history: History | None
    digit_ids: Sequence[str]
    all: bool

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was chosen."""
        return self.history is None or not (self.all or self.digit_ids)

    def chunks(self) -> Iterator[list[str]]:
        """Give the ids, some at a time; those in between may change what the filter shows."""
        if self.history is None:
            return
        if not self.all:
            for start in range(0, len(self.digit_ids), DIGITS_PER_TRANSACTION):
                yield self._own(self.digit_ids[start : start + DIGITS_PER_TRANSACTION])
            return
        last = ""
        while ids := self.history.oldest_first(DIGITS_PER_TRANSACTION, last):
            last = ids[-1]
            yield ids

    def _own(self, ids: Sequence[str]) -> list[str]:
        query = select(Digit.id).where(Digit.id.in_([one for one in ids if is_id(one)]))
        if self.history and self.history.visitor_id:
            query = query.where(Digit.visitor_id == self.history.visitor_id)
        return list(db.session.scalars(query.order_by(Digit.id)))

    def count(self) -> int:
        """Return how many digits these are; any number above 10,000 means "more"."""
        if self.history is None:
            return 0
        return self.history.count() if self.all else sum(len(ids) for ids in self.chunks())

    def num_others(self) -> int:
        """Return how many digits share a drawing with these, where few enough to count."""
        ids = [one for chunk in self.chunks() for one in chunk] if not self.all else []
        whole = select(Digit.submission_id).where(Digit.id.in_(ids))
        query = select(func.count()).select_from(Digit)
        query = query.where(Digit.submission_id.in_(whole), Digit.id.not_in(ids))
        return db.session.scalar(query.where(Digit.replaced_at.is_(None))) or 0


def decide(
    digit: Digit, label: int | None, reviewer: Reviewer, *, action_id: str | None = None
) -> Action:
    """Label a digit as a reviewer, which decides on what others said of it; the caller commits."""
    action = Action.begin(Kind.LABEL, label, reviewer=reviewer, action_id=action_id)
    action.apply([digit.id])
    Lease.end(digit.id)
    Lease.renew(reviewer)
    return action


def do(kind: Kind, label: int | None, chosen: Chosen) -> Action:
    """Do one thing to all chosen digits, some at a time, and commit.

    Raises:
        HTTPException: 403 where a visitor accepts or rejects.
    """
    actor = current_actor()
    if actor.reviewer is None and kind != Kind.LABEL:
        abort(403, "Only a reviewer accepts and rejects corrections. Sign in as one.")
    begin_write()
    action = Action.begin(kind, label, visitor=actor.visitor, reviewer=actor.reviewer)
    for ids in chosen.chunks():
        action.apply(ids)
        db.session.commit()
        begin_write()
    db.session.commit()
    return action


def undo(action_id: str) -> Undone:
    """Undo an action of the asker's own, and commit; a second time changes nothing.

    Raises:
        HTTPException: 404 for another's.
    """
    begin_write()
    action = db.session.get(Action, action_id) if is_id(action_id) else None
    if action is None or not current_actor().made(action):
        abort(404)
    return Undone(0, 0) if action.undone_at else action.undo()


def delete(chosen: Chosen) -> int:
    """Delete the submissions that hold the chosen digits, and commit.

    Returns:
        How many submissions were deleted.
    """
    count = 0
    for ids in chosen.chunks():
        begin_write()
        holding = select(Digit.submission_id).where(
            Digit.id.in_(ids), Digit.submission_id.is_not(None)
        )
        doomed = set(db.session.scalars(holding))
        count += Submission.delete_all(Submission.id.in_(doomed)) if doomed else 0
        db.session.commit()
    return count
