"""Many pictures handed in together: the batch, its files, and what waits to be read."""

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from webapp.db import Base, db
from webapp.models.types import Id, UtcDateTime, new_id, now

if TYPE_CHECKING:
    from webapp.models.digits import Digit
    from webapp.models.submissions import Submission

MAX_NAME_LENGTH = 200


class Batch(Base):
    """What a visitor handed in together; its files are read one by one."""

    __tablename__ = "batch"
    __table_args__ = (Index("ix_batch_visitor_id_id", "visitor_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    visitor_id: Mapped[str] = mapped_column(ForeignKey("visitor.id"))
    form: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The definition of the form that each page of it is; None for free pictures."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    files: Mapped[list["BatchFile"]] = relationship(back_populates="batch", order_by="BatchFile.id")

    @property
    def num_waiting(self) -> int:
        """How many files are stored and not read yet."""
        query = select(func.count()).select_from(BatchFile).join(BatchContent)
        return db.session.scalar(query.where(BatchFile.batch_id == self.id)) or 0

    @property
    def num_files(self) -> int:
        """How many files it has, read or not."""
        query = select(func.count()).select_from(BatchFile)
        return db.session.scalar(query.where(BatchFile.batch_id == self.id)) or 0

    def next_waiting(self) -> "BatchFile | None":
        """Return the first file that is stored and not read yet."""
        query = select(BatchFile).join(BatchContent).where(BatchFile.batch_id == self.id)
        return db.session.scalar(query.order_by(BatchFile.id).limit(1))

    def whole_files(self) -> list["BatchFile"]:
        """Return its files in the order in which they came, with what was read of each."""
        from webapp.models.digits import Digit
        from webapp.models.submissions import Submission

        digits = selectinload(BatchFile.submission).selectinload(Submission.digits)
        query = select(BatchFile).where(BatchFile.batch_id == self.id).order_by(BatchFile.id)
        return list(db.session.scalars(query.options(digits.selectinload(Digit.corrections))))

    @classmethod
    def newest(cls, visitor_id: str, limit: int) -> list["Batch"]:
        """Return a visitor's newest batches, newest first."""
        query = select(cls).where(cls.visitor_id == visitor_id).order_by(cls.id.desc())
        return list(db.session.scalars(query.limit(limit)))

    @classmethod
    def delete_all(cls, which: Any) -> None:
        """Delete batches and the lists of their files, not what was read; the caller commits."""
        doomed = select(cls.id).where(which).scalar_subquery()
        files = select(BatchFile.id).where(BatchFile.batch_id.in_(doomed)).scalar_subquery()
        for statement in (
            delete(BatchContent).where(BatchContent.file_id.in_(files)),
            delete(BatchFile).where(BatchFile.batch_id.in_(doomed)),
            delete(cls).where(which),
        ):
            db.session.execute(statement.execution_options(synchronize_session=False))
        db.session.expire_all()


class BatchFile(Base):
    """One file of a batch: what was read in it, or why nothing was."""

    __tablename__ = "batch_file"
    __table_args__ = (Index("ix_batch_file_batch_id_id", "batch_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    """Counts up, so that files stay in the order in which they came."""
    batch_id: Mapped[str] = mapped_column(ForeignKey("batch.id"))
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    """As the sender called it; shown and exported, never used as a path."""
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("submission.id"), index=True)
    problem: Mapped[str | None]
    """The sentence that says why it could not be read."""
    fields: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    """What was read in each field, where the batch has a form."""

    batch: Mapped[Batch] = relationship(back_populates="files")
    submission: Mapped["Submission | None"] = relationship()
    content: Mapped["BatchContent | None"] = relationship(cascade="all, delete-orphan")

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is not read yet."""
        return self.submission_id is None and self.problem is None

    @property
    def needs_look(self) -> bool:
        """Tell whether a person should look: a problem, a refused or unsure digit, or none."""
        if self.problem:
            return True
        if self.fields:
            return any(field["needs_look"] for field in self.shown_fields)
        return self.submission is not None and self.submission.needs_look

    @property
    def shown_fields(self) -> list[dict[str, Any]]:
        """The fields of a form with what was put right in them: a field is a line of digits."""
        digits = self.submission.digits if self.submission else []
        lines = {line: list(found) for line, found in groupby(digits, key=lambda one: one.line)}
        return [
            _shown(field, lines.get(number, [])) for number, field in enumerate(self.fields or [])
        ]


def _shown(field: dict[str, Any], digits: list["Digit"]) -> dict[str, Any]:
    """Return a field with its reading; who said what each digit is has looked at it."""
    looked_at = bool(digits) and all(digit.correction for digit in digits)
    reading = "".join(digit.standing_mark for digit in digits)
    return {**field, "reading": reading, "needs_look": field["needs_look"] and not looked_at}


class BatchContent(Base):
    """The bytes of a file that waits to be read; gone as soon as it is."""

    __tablename__ = "batch_content"

    file_id: Mapped[int] = mapped_column(ForeignKey("batch_file.id"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
