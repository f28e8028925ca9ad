"""What a view of the history shows: conditions that combine, each a part of the page's address."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, TypeVar

from ml.datasets import NOT_A_DIGIT
from ml.reading import NOT_A_DIGIT as NOT_A_DIGIT_WORD
from webapp.models.corrections import State
from webapp.models.digits import READING_LENGTH, UNCORRECTED
from webapp.models.types import is_id

CORRECTION_STATES: dict[str, tuple[str, ...]] = {
    "yes": (State.PENDING, State.ACCEPTED, State.REJECTED),
    "no": (UNCORRECTED,),
    "waits": (State.PENDING,),
    "decided": (State.ACCEPTED, State.REJECTED),
    "accepted": (State.ACCEPTED,),
    "rejected": (State.REJECTED,),
}
SORTS = ("newest", "oldest", "surest", "least-sure")
SOURCES = ("canvas", "upload", "api", "batch", "import")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
VERSION = re.compile(r"(cnn|dnn)-[0-9]{1,9}")
T = TypeVar("T")


@dataclass(frozen=True)
class Filter:
    """What a view of the history shows, and in which order; everything is optional.

    Attributes:
        read: the label that was read, 0..9.
        said: the label of the correction that stands, -1 for "not a digit".
        sure_from, sure_to: confidence in whole percent; both ends belong to it.
        unsure, disagree, refused: whether the digit is so.
        conflict: True for those alone on which two people differ.
        correction: a key of `CORRECTION_STATES`.
        source: how it was handed in.
        version: the model version that read it, such as `cnn-7`.
        since, until: days in UTC; both ends belong to it.
        visitor: whose it is.
        q: an id, or a reading as a whole.
        sort: one of `SORTS`.
    """

    read: int | None = None
    said: int | None = None
    sure_from: int | None = None
    sure_to: int | None = None
    unsure: bool | None = None
    disagree: bool | None = None
    refused: bool | None = None
    conflict: bool | None = None
    correction: str | None = None
    source: str | None = None
    version: str | None = None
    since: date | None = None
    until: date | None = None
    visitor: str | None = None
    q: str | None = None
    sort: str = SORTS[0]

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "Filter":
        """Read the part of an address behind the question mark; what is left empty is no condition.

        Raises:
            ValueError: a value is none that the condition may have.
        """
        given = {name: query.get(name, "").strip() for name in PARSERS}
        return cls(**{name: _parse(name, value) for name, value in given.items() if value})

    @property
    def is_empty(self) -> bool:
        """Tell whether it shows everything."""
        return replace(self, sort=SORTS[0]) == Filter()

    def to_query(self) -> dict[str, Any]:
        """Return it as the part of an address behind the question mark."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.sort == SORTS[0]:
            del values["sort"]
        return {name: _as_text(value) for name, value in values.items() if value is not None}

    def without(self, *names: str) -> "Filter":
        """Return it without some of its conditions."""
        nothing: dict[str, Any] = dict.fromkeys(names)
        return replace(self, **nothing)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOT_A_DIGIT_WORD if value == NOT_A_DIGIT else str(value)


def _parse(name: str, value: str) -> Any:
    try:
        return PARSERS[name](value)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{name} cannot be {value!r:.40} in a filter of the history.") from error


def _label(value: str) -> int:
    return _among(range(10))(value)


def _among(allowed: range) -> Callable[[str], int]:
    return lambda value: {str(one): one for one in allowed}[value]


def _one_of(*allowed: str) -> Callable[[str], str]:
    return lambda value: {one: one for one in allowed}[value]


def _flag(value: str) -> bool:
    return {"yes": True, "no": False}[value]


def _day(value: str) -> date:
    day = date.fromisoformat(value)
    return _checked(day, holds=FIRST_DAY <= day <= LAST_DAY)


def _version(value: str) -> str:
    return _checked(value, holds=VERSION.fullmatch(value) is not None)


def _visitor(value: str) -> str:
    return _checked(value, holds=is_id(value))


def _search(value: str) -> str:
    return _checked(value, holds=len(value) <= READING_LENGTH)


def _checked(value: T, *, holds: bool) -> T:
    if not holds:
        raise ValueError
    return value


PARSERS: dict[str, Callable[[str], Any]] = {
    "read": _label,
    "said": lambda value: NOT_A_DIGIT if value == NOT_A_DIGIT_WORD else _label(value),
    "sure_from": _among(range(101)),
    "sure_to": _among(range(101)),
    "unsure": _flag,
    "disagree": _flag,
    "refused": _flag,
    "conflict": lambda value: {"yes": True}[value],
    "correction": _one_of(*CORRECTION_STATES),
    "source": _one_of(*SOURCES),
    "version": _version,
    "since": _day,
    "until": _day,
    "visitor": _visitor,
    "q": _search,
    "sort": _one_of(*SORTS),
}
