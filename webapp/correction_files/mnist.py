"""CSV and NPZ as MNIST is passed around: pixels 0–255 and labels 0–9, nothing else.

What is no digit has no label there and is left out. A CSV has the label first and then 784 pixels,
row by row. An NPZ has `x_train` and `y_train`, and as `x_test` and `y_test` what is held out.
"""

import csv
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ml import preprocessing
from ml.preprocessing import SIDE
from webapp.correction_files.records import Fault, Lesson
from webapp.models.corrections import check_label

NUM_PIXELS = SIDE * SIDE
HEADER = ("label", *(f"pixel{at}" for at in range(NUM_PIXELS)))
SHAPES = ((SIDE, SIDE), (NUM_PIXELS,))
ARRAYS = (("x_train", "y_train"), ("x_test", "y_test"), ("x", "y"), ("images", "labels"))
"""The names that pictures and labels go by; the first two pairs are those of MNIST's own file."""
COPY_BYTES = 1 << 20


def write_csv(lessons: Iterable[Lesson], file: IO[bytes]) -> int:
    """Write a row for each digit and return how many there are."""
    file.write((",".join(HEADER) + "\n").encode())
    count = 0
    for lesson in _digits(lessons):
        row = [lesson.label, *lesson.picture.reshape(-1).tolist()]
        file.write((",".join(map(str, row)) + "\n").encode())
        count += 1
    return count


def read_csv(lines: Iterable[str]) -> Iterator[Lesson | Fault]:
    """Read a digit from each row; a first row of names is passed over."""
    rows = csv.reader(lines)
    for row in rows:
        if not row or (rows.line_num == 1 and tuple(row[:1]) == HEADER[:1]):
            continue
        try:
            yield _lesson(*_numbers(row))
        except ValueError as error:
            yield Fault(f"line {rows.line_num}", str(error))


def _numbers(row: list[str]) -> tuple[Any, npt.NDArray[np.integer]]:
    if len(row) != len(HEADER):
        raise ValueError(f"expected a label and {NUM_PIXELS} pixels, found {len(row)} values")
    try:
        label, *pixels = (int(value) for value in row)
    except ValueError as error:
        raise ValueError("a value is no whole number") from error
    if min(pixels) < 0 or max(pixels) > 255:
        raise ValueError("a pixel is not from 0 to 255")
    return label, np.array(pixels, np.uint8)


def _lesson(label: Any, pixels: npt.NDArray[np.integer]) -> Lesson:
    checked = check_label(label)
    if not pixels.any():
        raise ValueError("the picture is blank")
    return Lesson(pixels.astype(np.uint8).reshape(SIDE, SIDE), checked)


def _digits(lessons: Iterable[Lesson]) -> Iterator[Lesson]:
    return (lesson for lesson in lessons if lesson.label is not None)


def write_npz(lessons: Iterable[Lesson], file: IO[bytes]) -> int:
    """Write arrays, the held-out fifth apart, and return how many digits there are.

    The number of rows stands at the head of an array, so pictures wait in files of their own.
    """
    with ExitStack() as stack, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        sides = [_Side(stack.enter_context(tempfile.TemporaryFile())) for _ in ARRAYS[:2]]
        for lesson in _digits(lessons):
            sides[preprocessing.is_holdout(lesson.sha256)].add(lesson)
        for (pictures, labels), side in zip(ARRAYS[:2], sides, strict=True):
            side.write(archive, pictures, labels)
    return sum(len(side.labels) for side in sides)


class _Side:
    """The pictures and labels on one side of the split, while they are collected."""

    def __init__(self, waiting: IO[bytes]) -> None:
        self.labels = bytearray()
        self._waiting = waiting

    def add(self, lesson: Lesson) -> None:
        self.labels.append(lesson.label or 0)
        self._waiting.write(lesson.picture.tobytes())

    def write(self, archive: zipfile.ZipFile, pictures: str, labels: str) -> None:
        count = len(self.labels)
        self._waiting.seek(0)
        with archive.open(f"{pictures}.npy", "w", force_zip64=True) as member:
            _write_header(member, (count, SIDE, SIDE))
            while chunk := self._waiting.read(COPY_BYTES):
                member.write(chunk)
        with archive.open(f"{labels}.npy", "w", force_zip64=True) as member:
            _write_header(member, (count,))
            member.write(self.labels)


def _write_header(member: IO[bytes], shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)


def read_npz(file: BinaryIO) -> Iterator[Lesson | Fault]:
    """Read pictures and labels from the pairs of arrays that are there, some at a time."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            pairs = [pair for pair in ARRAYS if names >= set(pair)]
            if not pairs:
                found = f"{sorted(names)!r:.200}"
                yield Fault("file", f"expected arrays {_listed(ARRAYS)}; found {found}")
            for pair in pairs:
                yield from _read_pair(archive, *pair)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        yield Fault("file", f"it is not a whole NPZ file ({error})")


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return ", or ".join(" and ".join(pair) for pair in pairs)


def _read_pair(archive: zipfile.ZipFile, name: str, labels_name: str) -> Iterator[Lesson | Fault]:
    try:
        labels = _labels(archive, labels_name)
        with archive.open(f"{name}.npy") as member:
            _check_pictures(member, name, labels)
            for at, label in enumerate(labels.tolist()):
                yield _picture(member, label, f"{name}[{at}]")
    except ValueError as error:
        yield Fault(name, str(error))


def _check_pictures(member: IO[bytes], name: str, labels: npt.NDArray[np.integer]) -> None:
    shape, dtype = _header(member, name)
    if dtype != np.uint8 or shape[1:] not in SHAPES or shape[:1] != labels.shape:
        raise ValueError(
            "expected uint8 (n, 28, 28) or (n, 784) and as many labels; "
            f"found {dtype} {shape} and labels {labels.shape}"
        )


def _picture(member: IO[bytes], label: int, where: str) -> Lesson | Fault:
    pixels = member.read(NUM_PIXELS)
    if len(pixels) < NUM_PIXELS:
        raise ValueError(f"the file ends before {where}")
    try:
        return _lesson(label, np.frombuffer(pixels, np.uint8))
    except ValueError as error:
        return Fault(where, str(error))


def _labels(archive: zipfile.ZipFile, name: str) -> npt.NDArray[np.integer]:
    with archive.open(f"{name}.npy") as member:
        shape, dtype = _header(member, name)
        if dtype.kind not in "iu" or len(shape) != 1:
            raise ValueError(f"{name} must be whole numbers (n,); found {dtype} {shape}")
        data = member.read(shape[0] * dtype.itemsize)
    if len(data) < shape[0] * dtype.itemsize:
        raise ValueError(f"{name} ends too early")
    return np.frombuffer(data, dtype)


def _header(member: IO[bytes], name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the head of an array; numbers row by row alone are taken, and never a pickle."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(np.lib.format.read_magic(member))
    if read is None:
        raise ValueError(f"{name} is in a form of NPY that is not known here")
    shape, fortran_order, dtype = read(member)
    if fortran_order and len(shape) > 1:
        raise ValueError(f"{name} is kept column by column; save np.ascontiguousarray of it")
    return shape, dtype
