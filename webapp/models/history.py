"""The history: which digits a filter shows, in which order, page by page.

A million digits in SQLite are meant to be looked through without waiting. One condition alone is
answered from the index of its column, which also has the order by time; several conditions from
the one index that has all columns; neither looks at the rows that it leaves out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import TextClause, select, text
from ulid import ULID

from ml.reading import NOT_A_DIGIT as NOT_A_DIGIT_WORD
from webapp.db import db
from webapp.models.digits import READING_LENGTH, Digit
from webapp.models.filters import CORRECTION_STATES, Filter
from webapp.models.types import is_id

MOST_COUNTED = 10_000
"""An exact number above this would take longer than the page and help nobody."""
ORDERS = {
    "newest": "id DESC",
    "oldest": "id ASC",
    "surest": "confidence DESC, id DESC",
    "least-sure": "confidence ASC, id ASC",
}
REFUSALS = {None: None, True: (NOT_A_DIGIT_WORD,), False: (None,)}
SEARCHES = {"id": "(id = :q OR submission_id = :q)", "reading": "reading = :q"}
DRIVING = ("visitor_id", "conflict")
"""Conditions that leave so few digits that others are checked on the rows."""
ABOVE_ALL_IDS = "8"
"""A ULID begins with 0 to 7."""
MILLISECOND_SHIFT = 80
"""An id is a ULID: 48 bits of milliseconds, then 80 bits of chance."""


@dataclass(frozen=True)
class Page:
    """Some digits of a view, and where the next ones begin: None at its end."""

    digits: list[Digit]
    cursor: str | None


@dataclass(frozen=True)
class History:
    """The digits that a person may see and a filter shows.

    The queries are text, of column names that stand here: SQLite keeps no statistics to choose an
    index by, and SQLAlchemy cannot tell it one.

    Attributes:
        filter: which of them.
        visitor_id: whose; None for everybody's.
    """

    filter: Filter
    visitor_id: str | None = None

    def page(self, limit: int, after: str | None = None) -> Page:
        """Return a page of digits.

        Args:
            limit: how many at most.
            after: the cursor of the page before.
        """
        rows = db.session.execute(self._page_query(after, limit + 1)).all()
        digits = load([row.id for row in rows[:limit]])
        return Page(digits, self._cursor(rows[limit - 1]) if len(rows) > limit else None)

    def count(self) -> int:
        """Return how many digits it shows; any number above `MOST_COUNTED` means "more"."""
        query, bound = self._select("1")
        counted = f"SELECT count(*) FROM ({query} LIMIT :limit) AS shown"  # noqa: S608
        return db.session.scalar(text(counted), {**bound, "limit": MOST_COUNTED + 1}) or 0

    def chunks(self, size: int) -> Iterator[list[str]]:
        """Give the ids of all digits in the view's order, as many at a time as wanted."""
        query, bound = self._select("id")
        ordered = text(f"{query} ORDER BY {self._order}").execution_options(yield_per=size)
        with db.engine.connect() as connection:
            for chunk in connection.execute(ordered, bound).partitions(size):
                yield [row.id for row in chunk]

    def oldest_first(self, size: int, after: str = "") -> list[str]:
        """Return some ids that follow one in time; for changing what the filter shows."""
        query, bound = self._select("id", "id > :after")
        ordered = text(f"{query} ORDER BY id LIMIT :limit")
        return list(db.session.scalars(ordered, {**bound, "after": after, "limit": size}))

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """Return what holds of each digit that is shown, as SQL, and the values in it."""
        parts = ["replaced_at IS NULL"]
        bound: dict[str, Any] = {}
        for column, values in self._columns().items():
            part, more = _is_one_of(column, values)
            parts.append(part)
            bound |= more
        if self.filter.q:
            parts.append(SEARCHES["id" if is_id(self.filter.q) else "reading"])
            bound["q"] = " ".join(self.filter.q.split())[:READING_LENGTH]
        low, high = self._days()
        if low or high != ABOVE_ALL_IDS:
            parts.append("id > :first AND id < :last")
            bound |= {"first": low, "last": high}
        return " AND ".join(parts), bound

    def _select(self, what: str, *more: str) -> tuple[str, dict[str, Any]]:
        where, bound = self.conditions()
        index = self._index() if db.engine.dialect.name == "sqlite" else None
        table = f"digit INDEXED BY ix_digit_shown_{index}" if index else "digit"
        return f"SELECT {what} FROM {table} WHERE {' AND '.join([where, *more])}", bound  # noqa: S608

    def _page_query(self, after: str | None, limit: int) -> TextClause:
        column, values = self._only_condition()
        if len(values) > 1 and not self._by_confidence:
            return self._merged(column, values, after=after, limit=limit)
        beyond, place = ([], {}) if after is None else self._beyond(after)
        query, bound = self._select("id, confidence" if self._by_confidence else "id", *beyond)
        query = f"{query} ORDER BY {self._order} LIMIT :limit"
        return text(query).bindparams(**bound, **place, limit=limit)

    def _merged(
        self, column: str, values: Sequence[Any], *, after: str | None, limit: int
    ) -> TextClause:
        """Select by one column that may have several values.

        Each value has a run of its own in the column's index, in the order of time: the first of
        each run, then the first of these.
        """
        low, high = self._id_bounds(after)
        run = (
            f"SELECT id FROM (SELECT id FROM digit WHERE {column} = :value_{{}}"  # noqa: S608
            " AND replaced_at IS NULL AND id > :low AND id < :high"
            f" ORDER BY {self._order} LIMIT :limit) AS run_{{}}"
        )
        runs = " UNION ALL ".join(run.format(at, at) for at in range(len(values)))
        query = f"SELECT id FROM ({runs}) AS runs ORDER BY {self._order} LIMIT :limit"  # noqa: S608
        bound = {f"value_{at}": value for at, value in enumerate(values)}
        return text(query).bindparams(**bound, low=low, high=high, limit=limit)

    def _only_condition(self) -> tuple[str, tuple[Any, ...]]:
        """Return the condition if there is but one, else none: no column and no values."""
        columns = self._columns()
        if len(columns) != 1 or self.filter.q:
            return "", ()
        return next(iter(columns.items()))

    def _index(self) -> str | None:
        """Return the index for SQLite to use: the one that leaves fewest rows to look at."""
        columns = list(self._columns())
        if self.filter.q:
            return None if is_id(self.filter.q) else "reading"
        driving = [column for column in DRIVING if column in columns]
        if driving:
            return driving[0]
        if self._by_confidence:
            return "all" if columns else "confidence"
        return "all" if len(columns) > 1 else columns[0] if columns else None

    def _columns(self) -> dict[str, tuple[Any, ...]]:
        """Return the values that each column may have."""
        chosen = self.filter
        found: dict[str, tuple[Any, ...] | None] = {
            "label": _only(chosen.read),
            "corrected_to": _only(chosen.said),
            "sureness": self._sureness(),
            "unsure": _only(chosen.unsure),
            "disagree": _only(chosen.disagree),
            "conflict": _only(chosen.conflict),
            "refused": REFUSALS[chosen.refused],
            "correction_state": CORRECTION_STATES.get(chosen.correction or ""),
            "source": _only(chosen.source),
            "visitor_id": _only(self.visitor_id or chosen.visitor),
        }
        if chosen.version:
            found[f"{chosen.version.partition('-')[0]}_version"] = (chosen.version,)
        return {name: values for name, values in found.items() if values is not None}

    def _sureness(self) -> tuple[int, ...] | None:
        chosen = self.filter
        least = 0 if chosen.sure_from is None else chosen.sure_from
        most = 100 if chosen.sure_to is None else chosen.sure_to
        return None if (least, most) == (0, 100) else tuple(range(least, most + 1))

    def _days(self) -> tuple[str, str]:
        """Return what the ids lie between, which begin with the time at which they were made."""
        since, until = self.filter.since, self.filter.until
        return (
            _first_id_of(since) if since else "",
            _first_id_of(until + timedelta(days=1)) if until else ABOVE_ALL_IDS,
        )

    def _id_bounds(self, after: str | None) -> tuple[str, str]:
        """Return the ids between which a page lies, neither of which belongs to it."""
        low, high = self._days()
        if after is None:
            return low, high
        return (max(low, after), high) if self.filter.sort == "oldest" else (low, min(high, after))

    @property
    def _by_confidence(self) -> bool:
        return self.filter.sort in ("surest", "least-sure")

    @property
    def _order(self) -> str:
        return ORDERS[self.filter.sort]

    def _cursor(self, row: Any) -> str:
        return f"{row.confidence!r}~{row.id}" if self._by_confidence else str(row.id)

    def _beyond(self, cursor: str) -> tuple[list[str], dict[str, Any]]:
        """Return what holds of the digits that come after a cursor, and the values in it."""
        confidence, _, digit_id = cursor.rpartition("~")
        sign = ">" if self.filter.sort in ("oldest", "least-sure") else "<"
        if not self._by_confidence:
            return [f"id {sign} :here"], {"here": digit_id}
        place = {"sure_here": float(confidence or 0), "here": digit_id}
        return [f"(confidence, id) {sign} (:sure_here, :here)"], place


def load(digit_ids: Sequence[str], *options: Any) -> list[Digit]:
    """Return digits in the order of their ids.

    Args:
        digit_ids: which ones.
        options: what to load with them, for SQLAlchemy.
    """
    found = db.session.scalars(select(Digit).where(Digit.id.in_(digit_ids)).options(*options))
    by_id = {digit.id: digit for digit in found}
    return [by_id[one] for one in digit_ids if one in by_id]


def _only(value: Any) -> tuple[Any, ...] | None:
    return None if value is None else (value,)


def _is_one_of(column: str, values: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
    """Return SQL that says that a column has one of some values, and the values in it."""
    if column == "sureness":
        return "sureness BETWEEN :least AND :most", {"least": values[0], "most": values[-1]}
    if column == "conflict":
        return "conflict", {}  # as its index says it
    if values == (None,):
        return f"{column} IS NULL", {}
    names = [f"{column}_{at}" for at in range(len(values))]
    listed = ", ".join(f":{name}" for name in names)
    return f"{column} IN ({listed})", dict(zip(names, values, strict=True))


def _first_id_of(day: date) -> str:
    """Return the least id that a digit made on a day may have."""
    moment = datetime.combine(day, time(), UTC)
    milliseconds = round(moment.timestamp() * 1000)
    return str(ULID.from_int(milliseconds << MILLISECOND_SHIFT)).lower()
