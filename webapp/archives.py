"""ZIP archives from strangers: what is in them, within limits; no name out of one is a path."""

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive with members begins, and how an empty one does."""
ENCRYPTED = 0x1
"""Bit of the flags that ZIP's specification (APPNOTE, 4.4.4) gives to encrypted members."""
LABEL_LENGTH = 200
DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
)
"""What zipfile raises when a member does not hold what the archive says of it."""


class ArchiveError(ValueError):
    """The archive as a whole cannot be taken; the message says why."""


class ArchiveTooLargeError(ArchiveError):
    """The archive holds more than the limits allow."""


@dataclass(frozen=True)
class Limits:
    """What one archive may hold.

    Attributes:
        files: members, without folders.
        expanded_bytes: of all members together.
        member_bytes: of one member; a larger one is left out, the others are not.
        expansion: how many times its packed size a member may unpack to.
    """

    files: int
    expanded_bytes: int
    member_bytes: int
    expansion: int


@dataclass(frozen=True)
class Member:
    """One file of an archive: its content, or why it is left out."""

    label: str
    content: bytes = b""
    problem: str | None = None


def is_archive(start: bytes) -> bool:
    """Tell by its first bytes whether a file is a ZIP, whatever it is called."""
    return start.startswith(ZIP_STARTS)


def members(file: IO[bytes], limits: Limits) -> Iterator[Member]:
    """Unpack an archive, one member at a time.

    Sizes are checked as the archive states them before anything is unpacked, and zipfile never
    gives out more than was stated.

    Raises:
        ArchiveError: it is none, or damaged as a whole.
        ArchiveTooLargeError: it holds too many files, or too much.
    """
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        raise ArchiveError("This ZIP archive is damaged. Pack it once more.") from error
    with archive:
        files = [one for one in archive.infolist() if _is_wanted(one)]
        _check(files, limits)
        for info in files:
            yield _member(archive, info, limits)


def label(name: str) -> str:
    r"""Return a file's name as it is shown: without control characters, not too long.

    >>> label("../a\nb.png")
    '../ab.png'
    """
    visible = "".join(letter for letter in name if letter.isprintable())
    return visible[-LABEL_LENGTH:] or "a file without a name"


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    """Leave out folders and what systems hide in archives."""
    parts = re.split(r"[/\\]", info.filename)
    return not info.is_dir() and "__MACOSX" not in parts and not parts[-1].startswith(".")


def _check(files: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(files) > limits.files:
        raise ArchiveTooLargeError(
            f"The archive holds {len(files):,} files; at most {limits.files:,} are taken. "
            "Send it in several parts."
        )
    expanded = sum(info.file_size for info in files)
    if expanded > limits.expanded_bytes:
        raise ArchiveTooLargeError(
            f"The archive unpacks to {expanded:,} bytes; at most {limits.expanded_bytes:,} are "
            "taken. Send it in several parts."
        )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> Member:
    name = label(info.filename)
    if problem := _problem(info, limits):
        return Member(name, problem=problem)
    try:
        with archive.open(info) as opened:
            content = opened.read(limits.member_bytes + 1)
    except DAMAGE:
        return Member(name, problem="It is damaged in the archive. Pack it once more.")
    if is_archive(content):
        return Member(name, problem="It is an archive itself; one within another is not opened.")
    return Member(name, content)


def _problem(info: zipfile.ZipInfo, limits: Limits) -> str | None:
    if info.flag_bits & ENCRYPTED:
        return "It is encrypted. Pack it without a password."
    if info.file_size > limits.member_bytes:
        return f"It has {info.file_size:,} bytes; at most {limits.member_bytes:,} are taken."
    if info.file_size > limits.expansion * max(info.compress_size, 1):
        return f"It unpacks to more than {limits.expansion} times its size: no picture does."
    return None
