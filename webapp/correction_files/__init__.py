"""Corrections as files: JSON lines with all that is known, CSV and NPZ in MNIST's shape."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO

from webapp.correction_files import json_lines, mnist
from webapp.correction_files.records import Fault, Lesson, Report, save, stored

__all__ = ["FORMATS", "Fault", "Lesson", "Report", "export", "format_of", "import_"]

FORMATS = ("jsonl", "csv", "npz")

READERS: Mapping[str, Callable[[BinaryIO], Iterator[Lesson | Fault]]] = {
    "jsonl": lambda file: json_lines.read(_text(file)),
    "csv": lambda file: mnist.read_csv(_text(file)),
    "npz": mnist.read_npz,
}
WRITERS: Mapping[str, Callable[[Iterable[Lesson], IO[bytes]], int]] = {
    "jsonl": json_lines.write,
    "csv": mnist.write_csv,
    "npz": mnist.write_npz,
}


def format_of(name: str, wanted: str | None = None) -> str:
    """Return the format that was asked for, else the one that a file's name ends in.

    >>> format_of("corrections.npz"), format_of("-"), format_of("mnist.txt", "csv")
    ('npz', 'jsonl', 'csv')
    """
    ending = Path(name).suffix.removeprefix(".").lower()
    return wanted or (ending if ending in FORMATS else FORMATS[0])


def import_(file: BinaryIO, form: str = FORMATS[0]) -> Report:
    """Save the corrections of a file as accepted ones, and commit.

    What is faulty is named by its number and skipped; the same picture with the same label counts
    once.
    """
    return save(READERS[form](file))


def export(path: Path, form: str = FORMATS[0]) -> int:
    """Write what counts for training into a file that appears whole or not at all.

    Returns:
        How many corrections were written. CSV and NPZ know no "not a digit" and leave it out.

    Raises:
        FileExistsError: the file is there already.
        OSError: it cannot be written.
    """
    if path.exists():
        raise FileExistsError(f"{path} exists already; name a new file.")
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            count = WRITERS[form](stored(), file)
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return count


def _text(file: BinaryIO) -> Iterator[str]:
    """Read lines of UTF-8, with or without the mark that some programs put first."""
    return (line.decode("utf-8-sig", "replace") for line in file)
