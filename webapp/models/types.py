"""Column types and ids that several records share."""

import re
import struct
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, LargeBinary, String
from sqlalchemy.types import TypeDecorator
from ulid import ULID

ID_LENGTH = 26
Id = String(ID_LENGTH)
NUM_PROBABILITIES = 10


def new_id() -> str:
    """Return an opaque id that cannot be guessed and sorts by the time it was made."""
    return str(ULID()).lower()


def is_id(text: str) -> bool:
    """Tell whether a text that came from outside has the form of an id."""
    return re.fullmatch(r"[0-9a-hjkmnp-tv-z]{26}", text) is not None


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC also where the database knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store as UTC; a moment without a time zone is refused."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone.")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return as UTC."""
        if value is None:
            return None
        moment: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


class Probabilities(TypeDecorator[tuple[float, ...]]):
    """Ten probabilities as ten little-endian doubles, so that they come back as they went."""

    impl = LargeBinary
    cache_ok = True
    _layout = struct.Struct(f"<{NUM_PROBABILITIES}d")

    def process_bind_param(self, value: tuple[float, ...] | None, dialect: Dialect) -> bytes | None:
        """Pack ten numbers."""
        return None if value is None else self._layout.pack(*value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[float, ...] | None:
        """Unpack ten numbers."""
        return None if value is None else self._layout.unpack(value)
