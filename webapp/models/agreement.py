"""Who said and decided what, and how far people agree."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import joinedload

from webapp.db import db
from webapp.models.corrections import Correction, Decision, State
from webapp.models.digits import Digit
from webapp.models.people import Reviewer

MOST_VISITORS = 100


@dataclass(frozen=True)
class Deed:
    """One thing that somebody said or decided: the decision, its correction, its digit."""

    decision: Decision
    correction: Correction
    digit: Digit

    @classmethod
    def page(cls, limit: int, before: int | None = None) -> tuple[list["Deed"], int | None]:
        """Return a page of deeds, newest first, and the cursor of the next page.

        Args:
            limit: how many at most.
            before: number of the last decision of the page before.
        """
        query = select(Decision, Correction, Digit).join(
            Correction, Correction.id == Decision.correction_id
        )
        query = query.join(Digit, Digit.id == Correction.digit_id)
        query = query.options(joinedload(Decision.reviewer)).order_by(Decision.id.desc())
        if before is not None:
            query = query.where(Decision.id < before)
        found = [cls(*row) for row in db.session.execute(query.limit(limit + 1))]
        return found[:limit], found[limit - 1].decision.id if len(found) > limit else None


@dataclass(frozen=True)
class Pair:
    """Two reviewers and how often they came to the same on digits that both looked at."""

    one: str
    other: str
    same: int
    different: int

    @property
    def agreement(self) -> float:
        """The share of digits on which they agree, 0..1."""
        return self.same / (self.same + self.different)


@dataclass(frozen=True)
class Record:
    """What became of one visitor's corrections."""

    visitor_id: str
    accepted: int
    rejected: int
    waiting: int

    @property
    def acceptance(self) -> float | None:
        """The share of the decided ones that was accepted, 0..1; None before any was."""
        decided = self.accepted + self.rejected
        return self.accepted / decided if decided else None


def of_visitors() -> list[Record]:
    """Return the records of the visitors who corrected most."""

    def num(state: State) -> Any:
        return func.sum(case((Correction.state == state, 1), else_=0))

    query = (
        select(
            Correction.visitor_id,
            num(State.ACCEPTED),
            num(State.REJECTED),
            num(State.PENDING),
        )
        .where(Correction.visitor_id.is_not(None), Correction.state != State.WITHDRAWN)
        .group_by(Correction.visitor_id)
        .order_by(func.count().desc(), Correction.visitor_id)
        .limit(MOST_VISITORS)
    )
    return [Record(*row) for row in db.session.execute(query)]


def of_reviewers() -> list[Pair]:
    """Compare each two reviewers on the digits that both labelled or decided on.

    They agree on a digit where the last label that each of them let stand is the same, and differ
    where it is another, or where one rejected what the other accepted.
    """
    names = {row.id: row.name for row in db.session.execute(select(Reviewer.id, Reviewer.name))}
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for views in _views().values():
        for one, other in combinations(sorted(views), 2):
            outcome = _compare(views[one], views[other])
            if outcome is not None:
                counts[one, other][0 if outcome else 1] += 1
    return [
        Pair(names[one], names[other], same, different)
        for (one, other), (same, different) in sorted(counts.items())
    ]


@dataclass
class _View:
    """What one reviewer holds of one digit: the label that stands for them, those that cannot."""

    accepted: list[int | None]
    rejected: set[int | None]


def _compare(one: _View, other: _View) -> bool | None:
    """Tell whether two views are the same; None where they say nothing of each other."""
    if one.accepted and other.accepted:
        return one.accepted == other.accepted
    if set(one.accepted) & other.rejected or set(other.accepted) & one.rejected:
        return False
    return True if one.rejected & other.rejected else None


def _views() -> dict[str, dict[int, _View]]:
    """Return each reviewer's view of each digit that several of them looked at."""
    views: dict[str, dict[int, _View]] = defaultdict(dict)
    for digit_id, reviewer_id, label, state in _words():
        view = views[digit_id].setdefault(reviewer_id, _View([], set()))
        if state == State.ACCEPTED:
            view.accepted = [label]
            view.rejected.discard(label)
        elif state == State.REJECTED:
            view.rejected.add(label)
            view.accepted = [one for one in view.accepted if one != label]
        else:
            view.accepted = [one for one in view.accepted if one != label]
            view.rejected.discard(label)
    return views


def _words() -> Iterable[Any]:
    both = (
        select(Correction.digit_id)
        .join(Decision, Decision.correction_id == Correction.id)
        .where(Decision.reviewer_id.is_not(None))
        .group_by(Correction.digit_id)
        .having(func.count(Decision.reviewer_id.distinct()) > 1)
    )
    query = (
        select(Correction.digit_id, Decision.reviewer_id, Correction.label, Decision.to_state)
        .join(Decision, Decision.correction_id == Correction.id)
        .where(Correction.digit_id.in_(both), Decision.reviewer_id.is_not(None))
        .order_by(Decision.id)
    )
    return db.session.execute(query)
