"""Corrections and the decisions on them; both are only ever added to."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, Select, SmallInteger, String, delete, func, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from webapp.db import Base, db
from webapp.models.types import Id, UtcDateTime, new_id, now

if TYPE_CHECKING:
    from webapp.models.digits import Digit
    from webapp.models.people import Reviewer, Visitor


class State(StrEnum):
    """What became of a correction."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


def check_label(value: object) -> int | None:
    """Return what a correction may say: 0–9, or None for "not a digit".

    Raises:
        ValueError: it is anything else.
    """
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= 9:
        shown = f"{value!r:.40}" if isinstance(value, (int, float, str)) else "what was sent"
        raise ValueError(f"label must be a number from 0 to 9, or null, not {shown}.")
    return value


class Correction(Base):
    """A label a person gave a digit: 0–9, or None for "not a digit"."""

    __tablename__ = "correction"
    __table_args__ = (
        Index("ix_correction_digit_id_id", "digit_id", "id"),
        Index("ix_correction_state_id", "state", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    digit_id: Mapped[str] = mapped_column(ForeignKey("digit.id"))
    label: Mapped[int | None] = mapped_column(SmallInteger)
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitor.id"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("reviewer.id"))
    """Both are None where the correction came from a file, or its visitor is forgotten."""
    state: Mapped[State] = mapped_column(String(16))
    """Where the newest decision left it."""
    suspect: Mapped[bool] = mapped_column(default=False)
    """A retraining found that the label is probably wrong."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    digit: Mapped["Digit"] = relationship(back_populates="corrections")
    decisions: Mapped[list["Decision"]] = relationship(order_by="Decision.id")

    @classmethod
    def add(
        cls,
        digit: "Digit",
        label: int | None,
        *,
        visitor: "Visitor | None" = None,
        reviewer: "Reviewer | None" = None,
    ) -> "Correction":
        """Record what a digit really is; the caller commits.

        A visitor's starts pending; a reviewer's, or one from a file (neither), is accepted.
        """
        reviewer_id = reviewer.id if reviewer else None
        visitor_id = visitor.id if visitor and not reviewer else None
        state = State.PENDING if visitor_id else State.ACCEPTED
        by = {"visitor_id": visitor_id, "reviewer_id": reviewer_id}
        correction = cls(id=new_id(), digit=digit, label=label, state=state, **by)
        correction.decisions.append(Decision(from_state=None, to_state=state, **by))
        db.session.add(correction)
        return correction

    def decide(
        self,
        state: State,
        *,
        visitor: "Visitor | None" = None,
        reviewer: "Reviewer | None" = None,
    ) -> None:
        """Move to another state and record who did it; the caller commits.

        Raises:
            ValueError: it is in that state already, or was withdrawn.
        """
        if self.state in (state, State.WITHDRAWN):
            raise ValueError(f"This correction is {self.state} already.")
        decision = Decision(from_state=self.state, to_state=state)
        decision.visitor_id = visitor.id if visitor and not reviewer else None
        decision.reviewer_id = reviewer.id if reviewer else None
        self.decisions.append(decision)
        self.state = state

    @classmethod
    def lessons(cls) -> Sequence["Correction"]:
        """Return what counts for training: the newest accepted correction of each digit."""
        return db.session.scalars(cls.counting()).all()

    @classmethod
    def counting(cls) -> Select["Correction"]:
        """Select what counts for training, oldest first."""
        newer = aliased(cls)
        has_newer = (
            select(newer.id)
            .where(newer.digit_id == cls.digit_id, newer.state == State.ACCEPTED, newer.id > cls.id)
            .exists()
        )
        return select(cls).where(cls.state == State.ACCEPTED, ~has_newer).order_by(cls.id)

    @classmethod
    def forget_in(cls, digit_ids: Any) -> tuple[Any, ...]:
        """Return the statements that forget whose corrections these were.

        Accepted ones stay without their visitor; all others go, with their decisions.
        """
        here = cls.digit_id.in_(digit_ids)
        others = select(cls.id).where(here, cls.state != State.ACCEPTED).scalar_subquery()
        kept = select(cls.id).where(here).scalar_subquery()
        return (
            delete(Decision).where(Decision.correction_id.in_(others)),
            delete(cls).where(here, cls.state != State.ACCEPTED),
            update(Decision)
            .where(Decision.correction_id.in_(kept), Decision.visitor_id.is_not(None))
            .values(visitor_id=None, action_id=None),
            update(cls).where(here).values(visitor_id=None),
        )


class Decision(Base):
    """Who moved a correction from which state to which, and when."""

    __tablename__ = "decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    correction_id: Mapped[str] = mapped_column(ForeignKey("correction.id"), index=True)
    from_state: Mapped[State | None] = mapped_column(String(16))
    """None for the first row, which is the making of the correction."""
    to_state: Mapped[State] = mapped_column(String(16))
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitor.id"))
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("reviewer.id"))
    action_id: Mapped[str | None] = mapped_column(ForeignKey("action.id"), index=True)
    """The action that it was part of, where several digits were treated in one step."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    reviewer: Mapped["Reviewer | None"] = relationship()

    @classmethod
    def newest_id(cls) -> int:
        """Return the id of the newest decision, 0 where there is none yet."""
        return db.session.scalar(select(func.max(cls.id))) or 0
