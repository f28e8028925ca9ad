"""The review queue: which digits wait for a look, the most doubtful first, and who has them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, bindparam, delete, func, insert, or_, select, text, update
from sqlalchemy.orm import Mapped, joinedload, mapped_column, selectinload

from webapp.db import Base, db
from webapp.models.digits import Digit
from webapp.models.history import MOST_COUNTED, History, load
from webapp.models.people import Reviewer
from webapp.models.submissions import Submission
from webapp.models.types import UtcDateTime, now

LEASE_LIFETIME = timedelta(minutes=5)
"""How long digits stay with a reviewer who does nothing; each key begins it anew."""
QUEUE_LOCK = 0x696E6B
"""Any number: it keeps two reviewers on PostgreSQL from taking digits at the same moment."""


class Lease(Base):
    """A digit that a reviewer has before them: the queue gives it to no other until it ends."""

    __tablename__ = "lease"

    digit_id: Mapped[str] = mapped_column(
        ForeignKey("digit.id", ondelete="CASCADE"), primary_key=True
    )
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("reviewer.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @classmethod
    def renew(cls, reviewer: Reviewer) -> None:
        """Let a reviewer keep what they have; the caller commits."""
        own = update(cls).where(cls.reviewer_id == reviewer.id)
        db.session.execute(own.values(expires_at=now() + LEASE_LIFETIME))

    @classmethod
    def end(cls, digit_id: str) -> None:
        """Give a digit back, which is decided on; the caller commits."""
        db.session.execute(delete(cls).where(cls.digit_id == digit_id))


@dataclass(frozen=True)
class Queue:
    """The digits that wait for one reviewer, of those that a filter shows."""

    history: History
    reviewer: Reviewer

    def take(self, limit: int, after: str | None = None) -> list[Digit]:
        """Return the next digits and lease them; to be called in a transaction that writes.

        Args:
            limit: how many at most.
            after: the cursor of a digit; only what is less doubtful follows.
        """
        if db.engine.dialect.name == "postgresql":
            db.session.execute(select(func.pg_advisory_xact_lock(QUEUE_LOCK)))
        rows = db.session.execute(self._query(after), {"limit": limit}).all()
        ids = [row.id for row in rows]
        self._lease(ids)
        return load(ids, *_whole())

    def count(self) -> int:
        """Return how many digits wait; any number above `MOST_COUNTED` means "more"."""
        query, bound = self._select("1")
        counted = f"SELECT count(*) FROM ({query} LIMIT :limit) AS waiting"  # noqa: S608
        return db.session.scalar(text(counted), {**bound, "limit": MOST_COUNTED + 1}) or 0

    def _query(self, after: str | None) -> Any:
        query, bound = self._select("id")
        free = (
            " AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.digit_id = digit.id"
            " AND lease.reviewer_id <> :me AND lease.expires_at > :now)"
        )
        bound["me"] = self.reviewer.id
        if after is not None:
            doubt, _, digit_id = after.partition("~")
            query += " AND (doubt, id) < (:doubt, :digit)"
            bound |= {"doubt": float(doubt), "digit": digit_id}
        ordered = text(f"{query}{free} ORDER BY doubt DESC, id DESC LIMIT :limit")
        return ordered.bindparams(bindparam("now", now(), UtcDateTime()), **bound)

    def _select(self, what: str) -> tuple[str, dict[str, Any]]:
        where, bound = self.history.conditions()
        index = " INDEXED BY ix_digit_shown_doubt" if db.engine.dialect.name == "sqlite" else ""
        return f"SELECT {what} FROM digit{index} WHERE doubt IS NOT NULL AND {where}", bound  # noqa: S608

    def _lease(self, digit_ids: list[str]) -> None:
        mine_or_over = or_(Lease.reviewer_id == self.reviewer.id, Lease.expires_at <= now())
        db.session.execute(delete(Lease).where(Lease.digit_id.in_(digit_ids), mine_or_over))
        Lease.renew(self.reviewer)
        ends = now() + LEASE_LIFETIME
        rows = [
            {"digit_id": one, "reviewer_id": self.reviewer.id, "expires_at": ends}
            for one in digit_ids
        ]
        if rows:
            db.session.execute(insert(Lease), rows)


def _whole() -> list[Any]:
    """Return what to load of a digit that somebody is going to look at."""
    return [
        joinedload(Digit.picture),
        joinedload(Digit.submission).joinedload(Submission.original),
        selectinload(Digit.model_predictions),
        selectinload(Digit.corrections),
    ]


def cursor_of(digit: Digit) -> str:
    """Return the place of a digit in the queue."""
    return f"{digit.doubt or 0.0!r}~{digit.id}"
