"""What is done to digits in one step, few or many, and undone in one step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp.db import Base, begin_write, db
from webapp.models.corrections import Correction, Decision, State
from webapp.models.digits import Digit
from webapp.models.people import Reviewer, Visitor
from webapp.models.standing import restate
from webapp.models.types import Id, UtcDateTime, new_id, now

DIGITS_PER_TRANSACTION = 500
"""Few enough that others who want to write meanwhile wait for some hundredths of a second."""


class Kind(StrEnum):
    """What an action does to each of its digits."""

    LABEL = "label"
    ACCEPT = "accept"
    REJECT = "reject"


@dataclass
class Changes:
    """Rows that wait to be written: new corrections, decisions, and states of corrections."""

    corrections: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    digit_ids: set[str] = field(default_factory=set)

    def write(self) -> None:
        """Write them and restate their digits; the caller commits."""
        if self.corrections:
            db.session.execute(insert(Correction), self.corrections)
        if self.decisions:
            db.session.execute(insert(Decision), self.decisions)
        for state in set(self.states.values()):
            ids = [one for one, wanted in self.states.items() if wanted == state]
            statement = update(Correction).where(Correction.id.in_(ids)).values(state=state)
            db.session.execute(statement.execution_options(synchronize_session=False))
        if self.digit_ids:
            restate(Digit.id.in_(self.digit_ids))
        db.session.expire_all()


@dataclass(frozen=True)
class Undone:
    """What became of an action that was undone.

    Attributes:
        digits: how many digits are as they were.
        left: how many corrections others have decided on since; these stay.
    """

    digits: int
    left: int


class Action(Base):
    """One step of one person; the decisions that it made name it."""

    __tablename__ = "action"
    __table_args__ = (Index("ix_action_reviewer_id_created_at", "reviewer_id", "created_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    """Chosen by the page that asks for it, so that a retry is known as such."""
    kind: Mapped[Kind] = mapped_column(String(16))
    label: Mapped[int | None] = mapped_column(SmallInteger)
    """What `label` says the digits are, None for "not a digit"."""
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitor.id"), index=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("reviewer.id"))
    num_digits: Mapped[int] = mapped_column(default=0)
    """How many it changed anything about."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @classmethod
    def begin(
        cls,
        kind: Kind,
        label: int | None = None,
        *,
        visitor: Visitor | None = None,
        reviewer: Reviewer | None = None,
        action_id: str | None = None,
    ) -> "Action":
        """Make an action of one person; only a reviewer accepts and rejects. The caller commits."""
        if reviewer is None and (visitor is None or kind != Kind.LABEL):
            raise ValueError("A visitor labels; only a reviewer accepts and rejects.")
        visitor_id = visitor.id if visitor and not reviewer else None
        action = cls(id=action_id or new_id(), kind=kind, label=label, visitor_id=visitor_id)
        action.reviewer_id = reviewer.id if reviewer else None
        action.num_digits = 0
        db.session.add(action)
        db.session.flush()
        return action

    def apply(self, digit_ids: Sequence[str]) -> int:
        """Do it to some digits and return how many that changed; the caller commits."""
        changes = Changes()
        words = _words_on(digit_ids)
        in_conflict = self._in_conflict(digit_ids)
        for digit_id in digit_ids:
            said = words.get(digit_id, [])
            self._change(changes, digit_id, said, settles=digit_id in in_conflict)
        self.num_digits += len(changes.digit_ids)
        db.session.flush()
        changes.write()
        return len(changes.digit_ids)

    def _in_conflict(self, digit_ids: Sequence[str]) -> set[str]:
        query = select(Digit.id).where(Digit.id.in_(digit_ids), Digit.conflict)
        return set(db.session.scalars(query)) if self.reviewer_id else set()

    def _change(
        self, changes: Changes, digit_id: str, said: Sequence[Correction], *, settles: bool
    ) -> None:
        waiting = [one for one in said if one.state == State.PENDING]
        if self.kind == Kind.REJECT:
            self._move(changes, waiting, State.REJECTED)
        elif self.kind == Kind.LABEL and self.visitor_id:
            own = [one for one in said if one.visitor_id == self.visitor_id]
            if not own or own[-1].label != self.label:
                self._add(changes, digit_id, self.label)
        elif self.kind == Kind.LABEL or waiting:
            label = self.label if self.kind == Kind.LABEL else waiting[-1].label
            self._settle(changes, digit_id, said, label=label, settles=settles)

    def _settle(
        self,
        changes: Changes,
        digit_id: str,
        said: Sequence[Correction],
        *,
        label: int | None,
        settles: bool,
    ) -> None:
        """Let a reviewer's label stand: accept who says so, reject who waits and says otherwise.

        What another reviewer said stays beside it, and the digit is in conflict, unless it was
        already: then this settles it.
        """
        live = [one for one in said if one.state in (State.PENDING, State.ACCEPTED)]
        others = [one for one in live if one.label != label]
        refuted = [
            one
            for one in others
            if settles or one.state == State.PENDING or one.reviewer_id == self.reviewer_id
        ]
        agreeing = [one for one in live if one.label == label]
        self._move(changes, refuted, State.REJECTED)
        self._move(changes, [one for one in agreeing if one.state == State.PENDING], State.ACCEPTED)
        newest = said[-1] if said else None
        if newest not in agreeing or not self._speaks_for_me(newest):
            self._add(changes, digit_id, label)

    def _speaks_for_me(self, correction: Correction) -> bool:
        """Tell whether a correction with the right label makes one of the reviewer's own needless.

        What another reviewer accepted does not: that both came to the same is worth knowing.
        """
        if correction.suspect:
            return False
        return correction.state == State.PENDING or correction.reviewer_id == self.reviewer_id

    def _move(self, changes: Changes, corrections: Iterable[Correction], state: State) -> None:
        for one in corrections:
            changes.states[one.id] = state
            changes.decisions.append(self._decision(one.id, one.state, state))
            changes.digit_ids.add(one.digit_id)

    def _add(self, changes: Changes, digit_id: str, label: int | None) -> None:
        state = State.ACCEPTED if self.reviewer_id else State.PENDING
        correction_id = new_id()
        correction = {
            "id": correction_id,
            "digit_id": digit_id,
            "label": label,
            "visitor_id": self.visitor_id,
            "reviewer_id": self.reviewer_id,
            "state": state,
        }
        changes.corrections.append(correction)
        changes.decisions.append(self._decision(correction_id, None, state))
        changes.digit_ids.add(digit_id)

    def _decision(
        self, correction_id: str, before: State | None, after: State, *, part: bool = True
    ) -> dict[str, Any]:
        return {
            "correction_id": correction_id,
            "from_state": before,
            "to_state": after,
            "visitor_id": self.visitor_id,
            "reviewer_id": self.reviewer_id,
            "action_id": self.id if part else None,
        }

    def undo(self) -> Undone:
        """Put back what it changed, some digits at a time, and commit.

        What it made is withdrawn, what it decided is as undecided as before. A correction on which
        somebody decided since stays as that person left it.
        """
        last, digits, left = 0, self._num_as_left(), 0
        while made := self._made_after(last):
            changes = Changes()
            for decision, correction in made:
                last = decision.id
                if correction.state != decision.to_state:
                    left += 1
                    continue
                self._put_back(changes, decision, correction)
            changes.write()
            db.session.commit()
            begin_write()
        db.session.execute(update(Action).where(Action.id == self.id).values(undone_at=now()))
        db.session.commit()
        return Undone(digits, left)

    def _num_as_left(self) -> int:
        """Return how many digits have something that is still as this action left it."""
        query = select(func.count(Correction.digit_id.distinct())).join(Decision)
        query = query.where(Decision.action_id == self.id, Correction.state == Decision.to_state)
        return db.session.scalar(query) or 0

    def _made_after(self, last: int) -> list[Any]:
        query = select(Decision, Correction).join(Correction)
        query = query.where(Decision.action_id == self.id, Decision.id > last)
        found = db.session.execute(query.order_by(Decision.id).limit(DIGITS_PER_TRANSACTION))
        return list(found.all())

    def _put_back(self, changes: Changes, decision: Decision, correction: Correction) -> None:
        before = decision.from_state or State.WITHDRAWN
        changes.states[correction.id] = before
        changes.decisions.append(
            self._decision(correction.id, decision.to_state, before, part=False)
        )
        changes.digit_ids.add(correction.digit_id)

    @classmethod
    def last_on(cls, digit: Digit, reviewer: Reviewer) -> "Action | None":
        """Return a reviewer's newest step that says what this digit is, unless it was undone.

        None also where that step treated other digits as well: it is undone as a whole.
        """
        query = select(cls).join(Decision, Decision.action_id == cls.id).join(Correction)
        query = query.where(
            Correction.digit_id == digit.id,
            cls.reviewer_id == reviewer.id,
            cls.kind == Kind.LABEL,
            cls.undone_at.is_(None),
        )
        last = db.session.scalar(query.order_by(Decision.id.desc()).limit(1))
        return last if last and last.num_digits == 1 else None

    @classmethod
    def num_done(cls, reviewer: Reviewer, since: datetime) -> int:
        """Return how many digits a reviewer has treated since a moment."""
        query = select(func.sum(cls.num_digits)).where(
            cls.reviewer_id == reviewer.id, cls.created_at >= since, cls.undone_at.is_(None)
        )
        return db.session.scalar(query) or 0


def _words_on(digit_ids: Sequence[str]) -> dict[str, list[Correction]]:
    """Return the corrections of digits that are not withdrawn, oldest first."""
    query = select(Correction).where(
        Correction.digit_id.in_(digit_ids), Correction.state != State.WITHDRAWN
    )
    words: dict[str, list[Correction]] = {}
    for one in db.session.scalars(query.order_by(Correction.id)):
        words.setdefault(one.digit_id, []).append(one)
    return words
