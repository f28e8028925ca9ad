"""Reading aside: pictures of batches are read few at a time, and let all others go first."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app
from werkzeug.exceptions import HTTPException

from ml import images
from ml.forms import Form
from webapp import recognition
from webapp.predictions import BLANK
from webapp.recognition import Reading

log = logging.getLogger(__name__)

NICENESS = 10
"""How much less important than the others: half of the way to the least important."""
LEAST_IMPORTANT = 19
SWITCH_SECONDS = 0.001
"""How long a thread keeps Python's lock while another waits for it, instead of five milliseconds: a
drawing takes it anew after each call into OpenCV and LiteRT, perhaps from a batch."""
PLACE_SECONDS = 0.25
"""How long a request waits for a place to read in before it lets others use its thread."""
BROKEN = "Something went wrong on our side with this file. It has been logged."


@dataclass(frozen=True)
class Outcome:
    """What was read in a file, or the sentence that says why nothing was.

    Attributes:
        fields: of a form's page, each with `name`, `confidence` and `needs_look`.
    """

    reading: Reading | None = None
    problem: str | None = None
    fields: list[dict[str, Any]] | None = None


class Aside:
    """The few places that one process has for reading aside, and their threads."""

    def __init__(self, app: Flask) -> None:
        num_places = app.config["INKLING_MAX_BATCH_READINGS"]
        self.places = threading.BoundedSemaphore(num_places)
        self._threads = ThreadPoolExecutor(num_places, "aside", _step_back)
        self._app = app

    def read(self, content: bytes, form: Form | None) -> Outcome:
        """Read a picture; whoever calls has one of the places."""
        return self._threads.submit(self._try_to_read, content, form).result()

    def _try_to_read(self, content: bytes, form: Form | None) -> Outcome:
        try:
            with self._app.app_context():
                return _read(content, form)
        except HTTPException as error:
            return Outcome(problem=error.description or BROKEN)
        except Exception:
            # Whatever it is, it is this file's: the others of the batch are still to be read.
            log.exception("A file of a batch could not be read")
            return Outcome(problem=BROKEN)


def init_app(app: Flask) -> None:
    """Set how many files of batches one process reads at a time, and that others go first."""
    app.extensions["aside"] = Aside(app)
    images.use_own_thread_only()
    sys.setswitchinterval(SWITCH_SECONDS)


@contextmanager
def place() -> Iterator[bool]:
    """Take one of the few places, and tell whether there was one soon."""
    places = _aside().places
    is_free = places.acquire(timeout=PLACE_SECONDS)
    try:
        yield is_free
    finally:
        if is_free:
            places.release()


def read(content: bytes, form: Form | None = None) -> Outcome:
    """Read a picture, or the page of a form, for a caller who has one of the places."""
    return _aside().read(content, form)


def _aside() -> Aside:
    return cast(Aside, current_app.extensions["aside"])


def _step_back() -> None:
    """Give the thread less of the processor; Linux alone has priorities of single threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, LEAST_IMPORTANT))


def _read(content: bytes, form: Form | None) -> Outcome:
    if form is None:
        reading, fields = recognition.read_picture(content), None
    else:
        reading, found = recognition.read_form(content, form)
        fields = [
            {"name": one.name, "confidence": one.confidence, "needs_look": one.needs_look}
            for one in found
        ]
    return Outcome(problem=BLANK) if reading.is_blank else Outcome(reading, fields=fields)
