"""Rows to CSV that a spreadsheet shows and does not run."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run as a formula (OWASP, "CSV Injection")."""


def to_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return rows as CSV text with a head.

    >>> to_csv(["file", "reading"], [["=1+1.png", "42"]])
    "file,reading\r\n'=1+1.png,42\r\n"
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return file.getvalue()


def cell(value: object) -> object:
    """Return a value as a cell; an apostrophe keeps a text from being a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
