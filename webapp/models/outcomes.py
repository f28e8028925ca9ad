"""What became of people's corrections: how live and new versions read the corrected digits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    SmallInteger,
    and_,
    case,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from ml.datasets import NOT_A_DIGIT
from webapp.db import Base, db
from webapp.models.corrections import State
from webapp.models.digits import Digit
from webapp.models.types import Id
from webapp.models.versions import Promotion

STANDS = (State.PENDING, State.ACCEPTED)


@dataclass(frozen=True)
class Pair:
    """The names of two versions, one of each family, that answer together."""

    cnn: str
    dnn: str


@dataclass(frozen=True)
class Fate:
    """What became of one visitor's corrections.

    Attributes:
        corrected: digits that had been read wrong.
        mended: how many of these the live versions read right.
        confirmed: digits that had been read right.
        lost: how many of these the live versions read wrong.
        waiting: corrected or confirmed digits that the live versions were not asked about yet.
    """

    corrected: int
    mended: int
    confirmed: int
    lost: int
    waiting: int


class Outcome(Base):
    """How two versions together read a digit that a person had corrected or confirmed.

    Written by the commands that retrain and promote, never by a page: a page only counts.
    """

    __tablename__ = "outcome"

    digit_id: Mapped[str] = mapped_column(
        Id, ForeignKey("digit.id", ondelete="CASCADE"), primary_key=True
    )
    cnn_name: Mapped[str] = mapped_column(
        ForeignKey("model_version.name", ondelete="CASCADE"), primary_key=True
    )
    dnn_name: Mapped[str] = mapped_column(
        ForeignKey("model_version.name", ondelete="CASCADE"), primary_key=True
    )
    label: Mapped[int] = mapped_column(SmallInteger)
    """0–9, or -1 where it was refused."""

    @classmethod
    def by(cls, pair: Pair) -> ColumnElement[bool]:
        """Choose the rows of two versions."""
        return and_(cls.cnn_name == pair.cnn, cls.dnn_name == pair.dnn)

    @classmethod
    def replace(cls, pair: Pair, labels: Mapping[str, int | None]) -> None:
        """Write down how two versions read digits, by their ids; the caller commits.

        Digits that were deleted meanwhile are left out.
        """
        still_there = db.session.scalars(select(Digit.id).where(Digit.id.in_(labels))).all()
        db.session.execute(delete(cls).where(cls.by(pair), cls.digit_id.in_(labels)))
        for digit_id in still_there:
            label = labels[digit_id]
            said = NOT_A_DIGIT if label is None else label
            names = {"cnn_name": pair.cnn, "dnn_name": pair.dnn}
            db.session.add(cls(digit_id=digit_id, label=said, **names))

    @classmethod
    def keep_only(cls, pairs: Iterable[Pair]) -> None:
        """Delete what no other two versions than these have read; the caller commits."""
        db.session.execute(delete(cls).where(~or_(*(cls.by(pair) for pair in pairs))))

    @classmethod
    def fate(cls, visitor_id: str) -> Fate | None:
        """Count what became of a visitor's corrections; None where nothing is known of them."""
        live = Promotion.current()
        if live is None:
            return None
        known = cls.label.is_not(None)
        wrong_before = func.coalesce(Digit.label, NOT_A_DIGIT) != Digit.corrected_to
        wrong_now = cls.label != Digit.corrected_to
        query = (
            select(
                _count(known, wrong_before),
                _count(known, wrong_before, ~wrong_now),
                _count(known, ~wrong_before),
                _count(known, ~wrong_before, wrong_now),
                _count(~known),
            )
            .select_from(Digit)
            .outerjoin(
                cls, and_(cls.digit_id == Digit.id, cls.by(Pair(live.cnn_name, live.dnn_name)))
            )
            .where(Digit.visitor_id == visitor_id, Digit.correction_state.in_(STANDS))
        )
        fate = Fate(*db.session.execute(query).one())
        return fate if fate.corrected or fate.confirmed else None


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(*conditions), 1), else_=0)), 0)
