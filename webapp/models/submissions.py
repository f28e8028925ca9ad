"""What people handed in, as a whole."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    and_,
    delete,
    func,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from ml.reading import REFUSED_MARK
from webapp.db import Base, db
from webapp.models.batches import BatchFile
from webapp.models.corrections import Correction, State
from webapp.models.digits import Digit, ModelPrediction, Picture
from webapp.models.outcomes import Outcome
from webapp.models.standing import restate
from webapp.models.types import Id, UtcDateTime, new_id, now

RETRY_WINDOW = timedelta(minutes=10)
"""How long a retry without a cookie is known: a stranger may one day take the same key."""


class Submission(Base):
    """What a person handed in once; pages and API call it a prediction."""

    __tablename__ = "submission"
    __table_args__ = (
        Index("ix_submission_visitor_id_id", "visitor_id", "id"),
        UniqueConstraint("visitor_id", "key_sha256"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitor.id"))
    source: Mapped[str] = mapped_column(String(16))
    """`canvas`, `upload`, `api` or `batch`."""
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    key_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """Hash of the Idempotency-Key that it was sent with."""
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Hash of what was sent with that key."""

    digits: Mapped[list[Digit]] = relationship(
        back_populates="submission",
        order_by=(Digit.line, Digit.position),
        primaryjoin=lambda: and_(Submission.id == Digit.submission_id, Digit.replaced_at.is_(None)),
    )
    """In reading order, without those that were replaced by hand."""
    replaced_digits: Mapped[list[Digit]] = relationship(
        viewonly=True,
        order_by=Digit.id,
        primaryjoin=lambda: and_(
            Submission.id == Digit.submission_id, Digit.replaced_at.is_not(None)
        ),
    )
    original: Mapped["Original | None"] = relationship()
    batch_file: Mapped[BatchFile | None] = relationship(viewonly=True)
    """The file of a batch that it was read in."""

    @property
    def reading(self) -> str:
        """The digits as text: lines joined by newlines, `?` for a refused one."""
        return "\n".join("".join(digit.mark for digit in line) for line in self.lines)

    @classmethod
    def whole(cls) -> Select["Submission"]:
        """Select submissions with all that a page or the API shows of them."""
        digits = selectinload(cls.digits)
        return select(cls).options(
            digits.selectinload(Digit.corrections), digits.selectinload(Digit.model_predictions)
        )

    @classmethod
    def page(
        cls, visitor_id: str | None, *, limit: int, after: str | None = None
    ) -> tuple[list["Submission"], str | None]:
        """Return a page of submissions, newest first, and the cursor of the next page.

        Args:
            visitor_id: whose; None for everybody's.
            limit: how many at most.
            after: the id of the last one of the page before.
        """
        query = cls.whole().order_by(cls.id.desc()).limit(limit + 1)
        if visitor_id is not None:
            query = query.where(cls.visitor_id == visitor_id)
        if after is not None:
            query = query.where(cls.id < after)
        found = list(db.session.scalars(query))
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    @classmethod
    def sent_with(
        cls, key_sha256: str, *, visitor_id: str | None, request_sha256: str
    ) -> "Submission | None":
        """Return what was saved under an Idempotency-Key before.

        A visitor is known by the cookie; whoever has none yet (the first answer may have been
        lost on its way) only by having sent the very same request a short while ago.
        """
        query = cls.whole().where(cls.key_sha256 == key_sha256)
        if visitor_id is None:
            recent = cls.created_at > now() - RETRY_WINDOW
            query = query.where(cls.request_sha256 == request_sha256, recent)
        else:
            query = query.where(cls.visitor_id == visitor_id)
        return db.session.scalar(query.limit(1))

    @property
    def has_corrections(self) -> bool:
        """Tell whether anybody corrected one of the digits, withdrawn or not."""
        return any(digit.corrections for digit in (*self.digits, *self.replaced_digits))

    @property
    def lines(self) -> list[list[Digit]]:
        """The digits of each line, from top to bottom."""
        return [list(line) for _, line in groupby(self.digits, key=lambda digit: digit.line)]

    @property
    def corrected_reading(self) -> str:
        """The reading with what people put right in it; what is not a digit leaves no mark."""
        return "\n".join("".join(digit.standing_mark for digit in line) for line in self.lines)

    @property
    def confidence(self) -> float | None:
        """That of the least sure digit, None where there is none."""
        return min((digit.confidence or 0.0 for digit in self.digits), default=None)

    @property
    def needs_look(self) -> bool:
        """Tell whether nobody said yet what a refused or unsure digit is, or no digit is left."""
        return not self.digits or any(digit.needs_look for digit in self.digits)

    @classmethod
    def delete_all(cls, which: ColumnElement[bool]) -> int:
        """Delete submissions with originals, predictions and undecided corrections.

        A digit with an accepted correction keeps picture, hash, holdout side and label, and loses
        visitor and submission. The caller commits.

        Returns:
            How many submissions were deleted.
        """
        doomed = select(cls.id).where(which).scalar_subquery()
        digits = select(Digit.id).where(Digit.submission_id.in_(doomed)).scalar_subquery()
        accepted = select(Correction.digit_id).where(Correction.state == State.ACCEPTED)
        _execute(
            delete(ModelPrediction).where(ModelPrediction.digit_id.in_(digits)),
            *Correction.forget_in(digits),
            delete(Outcome).where(Outcome.digit_id.in_(digits)),
            delete(Picture).where(Picture.digit_id.in_(digits), Picture.digit_id.not_in(accepted)),
            delete(Digit).where(Digit.submission_id.in_(doomed), Digit.id.not_in(accepted)),
            delete(Original).where(Original.submission_id.in_(doomed)),
            delete(BatchFile).where(BatchFile.submission_id.in_(doomed)),
        )
        restate(Digit.submission_id.in_(doomed))
        own_mark = func.coalesce(sql_cast(Digit.label, String), REFUSED_MARK)
        _execute(
            update(Digit)
            .where(Digit.submission_id.in_(doomed))
            .values(submission_id=None, visitor_id=None, reading=own_mark),
        )
        result = db.session.execute(_unsynchronised(delete(cls).where(which)))
        db.session.expire_all()
        return int(result.rowcount)  # type: ignore[attr-defined]


def _execute(*statements: Any) -> None:
    for statement in statements:
        db.session.execute(_unsynchronised(statement))


def _unsynchronised(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)


class Original(Base):
    """The strokes or the re-encoded picture of a submission; apart, since lists never need it."""

    __tablename__ = "original"

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(40))
    """`application/json` for strokes, else that of the picture."""
    content: Mapped[bytes] = mapped_column(LargeBinary)
