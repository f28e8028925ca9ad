"""What people handed in, the digits in it, and what the models said about them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    SmallInteger,
    String,
    UniqueConstraint,
    delete,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from ml.preprocessing import SIDE, Ink
from ml.reading import REFUSED_MARK
from webapp.db import Base, db
from webapp.models.corrections import Correction, State
from webapp.models.types import Id, Probabilities, UtcDateTime, new_id, now
from webapp.models.versions import ModelVersion

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
    """`canvas`, `upload` or `api`."""
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    key_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    """Hash of the Idempotency-Key that it was sent with."""
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    """Hash of what was sent with that key."""

    digits: Mapped[list["Digit"]] = relationship(
        back_populates="submission", order_by="(Digit.line, Digit.position)"
    )
    original: Mapped["Original | None"] = relationship()

    @property
    def reading(self) -> str:
        """The digits as text: lines joined by newlines, `?` for a refused one."""
        lines: dict[int, str] = {}
        for digit in self.digits:
            mark = REFUSED_MARK if digit.label is None else str(digit.label)
            lines[digit.line] = lines.get(digit.line, "") + mark
        return "\n".join(lines[line] for line in sorted(lines))

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
        return any(digit.corrections for digit in self.digits)

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
            delete(Picture).where(Picture.digit_id.in_(digits), Picture.digit_id.not_in(accepted)),
            delete(Digit).where(Digit.submission_id.in_(doomed), Digit.id.not_in(accepted)),
            delete(Original).where(Original.submission_id.in_(doomed)),
            update(Digit)
            .where(Digit.submission_id.in_(doomed))
            .values(submission_id=None, visitor_id=None),
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


class Digit(Base):
    """One digit found in a submission; what was predicted never changes."""

    __tablename__ = "digit"
    __table_args__ = (Index("ix_digit_submission_id", "submission_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    submission_id: Mapped[str | None] = mapped_column(ForeignKey("submission.id"))
    visitor_id: Mapped[str | None] = mapped_column(ForeignKey("visitor.id"), index=True)
    line: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    x: Mapped[float] = mapped_column(default=0.0)
    y: Mapped[float] = mapped_column(default=0.0)
    width: Mapped[float] = mapped_column(default=0.0)
    height: Mapped[float] = mapped_column(default=0.0)
    label: Mapped[int | None] = mapped_column(SmallInteger)
    confidence: Mapped[float | None]
    """None only where nothing was predicted: an imported digit."""
    unsure: Mapped[bool] = mapped_column(default=False)
    refused: Mapped[str | None] = mapped_column(String(16))
    alternatives: Mapped[list[tuple[int, float]]] = mapped_column(JSON, default=list)
    """The likeliest labels, likeliest first, with their probabilities, 0..1."""
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    preprocessing_version: Mapped[int]
    holdout: Mapped[bool]
    """Belongs to the fifth that is never trained on; from the picture's hash, once."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    submission: Mapped[Submission | None] = relationship(back_populates="digits")
    picture: Mapped["Picture"] = relationship(back_populates="digit")
    model_predictions: Mapped[list["ModelPrediction"]] = relationship(
        order_by="ModelPrediction.version_name"
    )
    corrections: Mapped[list[Correction]] = relationship(order_by=Correction.id)

    @property
    def box(self) -> list[float]:
        """`[x, y, width, height]` in the units of the request."""
        return [self.x, self.y, self.width, self.height]

    @property
    def correction(self) -> Correction | None:
        """The correction that stands: the newest that is not withdrawn."""
        standing = [one for one in self.corrections if one.state != State.WITHDRAWN]
        return standing[-1] if standing else None

    @property
    def candidates(self) -> list[int]:
        """The two labels that an unsure answer wavers between, likeliest first.

        Where the models disagree the second is what the other one says, whichever of them the
        alternatives come from.
        """
        others = [model.label for model in self.models.values()]
        others += [label for label, _ in self.alternatives]
        second = [label for label in others if label != self.label][:1]
        return [label for label in (self.label, *second) if label is not None]

    @property
    def models(self) -> Mapping[str, "ModelPrediction"]:
        """Each family's own answer, `cnn` first."""
        by_family = {one.family: one for one in self.model_predictions}
        return {family: by_family[family] for family in sorted(by_family)}


class Picture(Base):
    """The 28×28 grey levels that the models saw; apart from the columns that lists filter by."""

    __tablename__ = "picture"

    digit_id: Mapped[str] = mapped_column(ForeignKey("digit.id"), primary_key=True)
    pixels: Mapped[bytes] = mapped_column(LargeBinary)
    """784 bytes, row by row, 0 paper to 255 ink."""

    digit: Mapped[Digit] = relationship(back_populates="picture")

    @property
    def image(self) -> Ink:
        """The picture as uint8 (28, 28)."""
        return np.frombuffer(self.pixels, np.uint8).reshape(SIDE, SIDE)


class ModelPrediction(Base):
    """What one model version said about one digit."""

    __tablename__ = "model_prediction"

    digit_id: Mapped[str] = mapped_column(ForeignKey("digit.id"), primary_key=True)
    version_name: Mapped[str] = mapped_column(ForeignKey("model_version.name"), primary_key=True)
    label: Mapped[int] = mapped_column(SmallInteger)
    confidence: Mapped[float]
    probabilities: Mapped[tuple[float, ...]] = mapped_column(Probabilities)

    version: Mapped[ModelVersion] = relationship()

    @property
    def family(self) -> str:
        """`cnn` or `dnn`, the first part of the version's name."""
        return self.version_name.partition("-")[0]
