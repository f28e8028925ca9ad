"""The digits found in submissions, their pictures, and what the models said about them."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ml.preprocessing import SIDE, Ink
from ml.reading import REFUSED_MARK
from webapp.db import Base
from webapp.models.corrections import Correction, State
from webapp.models.types import Id, Probabilities, UtcDateTime, new_id, now
from webapp.models.versions import NAME_LENGTH, ModelVersion

if TYPE_CHECKING:
    from webapp.models.submissions import Submission

READING_LENGTH = 64
UNCORRECTED = "none"

FILTER_COLUMNS = (
    "label",
    "corrected_to",
    "correction_state",
    "sureness",
    "unsure",
    "disagree",
    "refused",
    "source",
    "cnn_version",
    "dnn_version",
    "visitor_id",
)
"""Each has an index that also gives the order by time; one index has all of them, so that any
combination is found without looking at the rows."""


def _index_of_shown(*columns: str, only: str = "", name: str | None = None) -> Index:
    """Return an index of the digits that the history shows: not those replaced by hand."""
    shown = text(" AND ".join(filter(None, ["replaced_at IS NULL", only])))
    name = name or f"ix_digit_shown_{columns[0]}"
    return Index(name, *columns, sqlite_where=shown, postgresql_where=shown)


class Digit(Base):
    """One digit found in a submission; what was predicted never changes."""

    __tablename__ = "digit"
    __table_args__ = (
        Index("ix_digit_submission_id", "submission_id"),
        *(_index_of_shown(column, "id") for column in FILTER_COLUMNS),
        _index_of_shown("reading", "id"),
        _index_of_shown("confidence", "id"),
        _index_of_shown("doubt", "id", only="doubt IS NOT NULL"),
        _index_of_shown("conflict", "id", only="conflict"),
        _index_of_shown("id", *FILTER_COLUMNS, "confidence", name="ix_digit_shown_all"),
    )

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
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was merged, split or dropped by hand: it is in no reading since, but its corrections
    still count."""

    # What the history is filtered and the queue is ordered by. `derived` fills these in.
    source: Mapped[str] = mapped_column(String(16), default="import")
    """That of the submission, `import` for a digit from a file."""
    reading: Mapped[str] = mapped_column(String(READING_LENGTH), default="")
    """The beginning of the whole submission's reading, its lines parted by spaces."""
    cnn_version: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    dnn_version: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    disagree: Mapped[bool] = mapped_column(default=False)
    """The two models give different labels."""
    sureness: Mapped[int | None] = mapped_column(SmallInteger)
    """The confidence in whole percent, rounded down."""
    margin: Mapped[float] = mapped_column(default=1.0)
    """How far the likeliest label is ahead of the next, 0..1."""
    corrected_to: Mapped[int | None] = mapped_column(SmallInteger)
    """The label of the correction that stands, -1 for "not a digit"; None without one."""
    correction_state: Mapped[str] = mapped_column(String(16), default=UNCORRECTED)
    """The state of the correction that stands, or `none`."""
    conflict: Mapped[bool] = mapped_column(default=False)
    """Two people say different things, and nobody has settled it."""
    doubt: Mapped[float | None]
    """How much it needs a reviewer's look, 0..1; None where it needs none."""

    submission: Mapped["Submission | None"] = relationship(back_populates="digits")
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
    def mark(self) -> str:
        """What stands for it in a reading: its label, `?` where it was refused."""
        return REFUSED_MARK if self.label is None else str(self.label)

    @property
    def standing_mark(self) -> str:
        """Its mark, or what people say it really is: nothing where that is "not a digit"."""
        correction = self.correction
        if correction is None or correction.state == State.REJECTED:
            return self.mark
        return "" if correction.label is None else str(correction.label)

    @property
    def needs_look(self) -> bool:
        """Tell whether it is refused or unsure, and nobody has said what it is."""
        return (self.unsure or self.refused is not None) and self.correction is None

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
