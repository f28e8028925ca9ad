"""Reading aside: few at a time, after all others."""

import os
import sys
import threading
from collections.abc import Iterator

import cv2
import pytest
from flask import Flask

from tests.pen import write
from tests.webapp.steps import png
from webapp import aside, recognition
from webapp.predictions import BLANK


@pytest.fixture(autouse=True)
def context(quiet_app: Flask) -> Iterator[None]:
    with quiet_app.app_context():
        yield


def test_a_picture_is_read() -> None:
    outcome = aside.read(png(write(5)))

    assert outcome.reading is not None
    assert [said.label for said in outcome.reading.answers] == [5]
    assert outcome.problem is None


@pytest.mark.parametrize("content, told", [(b"Dear diary", "not a picture"), (png([]), BLANK)])
def test_what_cannot_be_read_is_said(content: bytes, told: str) -> None:
    outcome = aside.read(content)

    assert outcome.reading is None
    assert told in str(outcome.problem)


def test_there_are_no_more_places_than_were_set() -> None:
    with aside.place() as first, aside.place() as second:
        assert (first, second) == (True, False)
    with aside.place() as again:
        assert again


def test_no_thread_of_opencv_works_at_another_priority() -> None:
    assert cv2.getNumThreads() == 1
    assert sys.getswitchinterval() == pytest.approx(aside.SWITCH_SECONDS)


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have no priority there")
def test_all_other_threads_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look(content: bytes) -> recognition.Reading:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        raise ZeroDivisionError

    monkeypatch.setattr(recognition, "read_picture", look)
    assert aside.read(b"").problem == aside.BROKEN
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert seen == [min(own + aside.NICENESS, aside.LEAST_IMPORTANT)]
