"""Many pictures on all cores: each process reads with recognisers of its own."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from ml import forms, images, segmentation
from ml.bundle import Bundle, Family
from ml.forms import Field, Form
from ml.images import Photo
from ml.reading import REFUSED_MARK, DigitAnswer, judge, read_digits
from ml.runtime import Recogniser
from ml.segmentation import FoundDigit

FILES_FOR_A_PROCESS = 8
"""Fewer files than this are read sooner than another process has started."""
CHUNK = 4
"""Files handed to a process at a time."""
NOTHING_WRITTEN = "Nothing is written on it."
PROCESS_DIED = "The process that read it, or one before it, died; there may be too little memory."


@dataclass(frozen=True)
class FileReading:
    """What was read in one file, or why nothing was.

    Attributes:
        path: the file.
        found: the digits in it, in reading order.
        answers: what both models say of each.
        problem: a sentence where nothing could be read.
        fields: those of a form; each is a line of the reading.
    """

    path: Path
    found: Sequence[FoundDigit] = ()
    answers: Sequence[DigitAnswer] = ()
    problem: str | None = None
    fields: Sequence[Field] = ()

    @property
    def reading(self) -> str:
        """The digits as text: lines joined by newlines, `?` for a refused one."""
        return "\n".join(
            "".join(_mark(said) for _, said in line)
            for _, line in groupby(self._pairs(), key=lambda pair: pair[0].line)
        )

    @property
    def confidence(self) -> float | None:
        """That of the least sure digit."""
        return min((said.confidence for said in self.answers), default=None)

    @property
    def needs_look(self) -> bool:
        """Tell whether a person should look: a problem, a refused or an unsure digit."""
        if any(field.needs_look for field in self.fields):
            return True
        return self.problem is not None or any(one.unsure or one.refused for one in self.answers)

    def _pairs(self) -> Iterator[tuple[FoundDigit, DigitAnswer]]:
        return zip(self.found, self.answers, strict=True)


def _mark(said: DigitAnswer) -> str:
    return REFUSED_MARK if said.label is None else str(said.label)


def read_files(
    paths: Sequence[Path],
    bundles: Mapping[Family, Bundle],
    *,
    max_pixels: int,
    form: Form | None = None,
    processes: int | None = None,
) -> Iterator[FileReading]:
    """Read pictures on all cores, and yield what was read in the order of the files.

    Args:
        paths: the files; one that cannot be read is told and stops no other.
        bundles: the versions to read with.
        max_pixels: width times height of a picture that is still read.
        form: what each picture is a page of; None for free pictures.
        processes: how many to use; by default one a core, fewer for few files.
    """
    wanted = processes or min(_num_cores(), 1 + len(paths) // FILES_FOR_A_PROCESS)
    light = {family: _light(bundle) for family, bundle in bundles.items()}
    arguments = (light, max_pixels, form)
    if wanted == 1:
        reader = _Reader(*arguments)
        yield from map(reader.read, paths)
        return
    done = 0
    # Forking a process that has threads, as LiteRT and OpenCV start them, can hang the child.
    with ProcessPoolExecutor(wanted, get_context("spawn"), _start, arguments) as pool:
        try:
            for reading in pool.map(_read, paths, chunksize=CHUNK):
                yield reading
                done += 1
        except BrokenProcessPool:
            yield from (FileReading(path, problem=PROCESS_DIED) for path in paths[done:])


def _num_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _light(bundle: Bundle) -> Bundle:
    """Return a bundle with what reading needs alone, since it is copied to each process."""
    return replace(bundle, keras=b"", plots={})


class _Reader:
    """What one process reads with."""

    def __init__(
        self, bundles: Mapping[Family, Bundle], max_pixels: int, form: Form | None
    ) -> None:
        self._recognisers = {family: Recogniser(bundle) for family, bundle in bundles.items()}
        self._max_pixels = max_pixels
        self._form = form

    def read(self, path: Path) -> FileReading:
        """Read a file; what is wrong with it is part of what is returned."""
        try:
            photo = images.decode(path.read_bytes(), max_pixels=self._max_pixels)
            reading = self._read_form(path, photo) if self._form else self._read_all(path, photo)
        except (ValueError, OSError, MemoryError, cv2.error) as error:
            return FileReading(path, problem=str(error) or type(error).__name__)
        return reading if reading.found else FileReading(path, problem=NOTHING_WRITTEN)

    def _read_all(self, path: Path, photo: Photo) -> FileReading:
        look = judge(self._recognisers)
        found = segmentation.digits_in_ink(photo.ink, photo.scale, look)
        pictures = [digit.picture for digit in found]
        answers = read_digits(np.stack(pictures), self._recognisers) if pictures else []
        return FileReading(path, found, answers)

    def _read_form(self, path: Path, photo: Photo) -> FileReading:
        assert self._form is not None
        fields = forms.read(photo, self._form, self._recognisers)
        found = [
            replace(digit, line=number, position=at)
            for number, field in enumerate(fields)
            for at, digit in enumerate(field.digits)
        ]
        answers = [said for field in fields for said in field.answers]
        return FileReading(path, found, answers, fields=fields)


_readers: list[_Reader] = []
"""The one reader of a process that was started to read."""


def _start(bundles: Mapping[Family, Bundle], max_pixels: int, form: Form | None) -> None:
    # The processes share the cores already; threads of each would only get in their way.
    cv2.setNumThreads(1)
    _readers.append(_Reader(bundles, max_pixels, form))


def _read(path: Path) -> FileReading:
    return _readers[0].read(path)
