"""The digits that are made in bulk are as the site itself would have made them."""

from pathlib import Path

import pytest
from flask import Flask

from benchmarks import million
from benchmarks.history import COMBINED, SINGLE, Timing, measure_views
from tests.conftest import dispose
from webapp import create_app
from webapp.db import db
from webapp.models import Digit
from webapp.models.standing import describe, restate

COLUMNS = ("source", "cnn_version", "disagree", "sureness", "corrected_to", "correction_state")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an instance folder with some hundred digits made in bulk."""
    found = tmp_path_factory.mktemp("bulk")
    million.prepare(found, 300)
    return found


def standing(digit: Digit) -> tuple[object, ...]:
    return tuple(getattr(digit, name) for name in COLUMNS)


def test_what_stands_on_them_follows_from_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKLING_INSTANCE", str(folder))
    application: Flask = create_app()
    with application.app_context():
        digits = db.session.scalars(db.select(Digit).order_by(Digit.id)).all()
        before = [standing(digit) for digit in digits]
        doubts = [digit.doubt for digit in digits]
        for digit in digits:
            describe(digit)
        db.session.flush()
        restate(Digit.id.is_not(None))
        db.session.expire_all()
        assert len(digits) == 300
        assert [standing(digit) for digit in digits] == before
        assert [digit.doubt is None for digit in digits] == [one is None for one in doubts]
        db.session.rollback()
    dispose(application)


def test_every_view_is_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.history.ROUNDS", 1)
    environment = million.prepare(folder, 300)
    with monkeypatch.context() as patch:
        patch.setattr("os.environ", dict(environment))
        timings = measure_views(environment)

    assert set(timings) == {*SINGLE, *COMBINED}


def test_a_share_of_the_times_stays_under_a_figure() -> None:
    assert Timing([1.0, 2.0, 3.0]).at(50) == 2.0
