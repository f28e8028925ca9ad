"""Ids, moments in time, probabilities."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy.exc import StatementError

from webapp.db import db
from webapp.models import Visitor
from webapp.models.types import Probabilities, is_id, new_id


def test_ids_sort_by_the_time_they_were_made():
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == 2000


def test_an_id_has_the_form_of_one():
    assert is_id(new_id())


@pytest.mark.parametrize("text", ["", "7", "\0" * 26, "\ud800" * 26, "0" * 25, "0" * 27, "U" * 26])
def test_other_texts_have_not(text: str):
    assert not is_id(text)


def test_moments_are_kept_in_utc(app: Flask):
    noon_in_india = datetime(2026, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with app.app_context():
        db.session.add(Visitor(id="one", created_at=noon_in_india))
        db.session.commit()
    with app.app_context():
        moment = db.session.get_one(Visitor, "one").created_at
    assert moment == noon_in_india
    assert moment.tzinfo is UTC
    assert moment.hour == 6


def test_a_moment_without_a_time_zone_is_refused(app: Flask):
    with app.app_context():
        db.session.add(Visitor(created_at=datetime(2026, 5, 1)))  # noqa: DTZ001
        with pytest.raises(StatementError, match="has no time zone"):
            db.session.commit()


def test_probabilities_come_back_as_they_went():
    column, ten = Probabilities(), (0.1, 1 / 3, 1e-300, 0.0, 1.0, 0.2, 0.3, 0.4, 0.5, 0.6)
    packed = column.process_bind_param(ten, None)  # type: ignore[arg-type]
    assert packed is not None
    assert len(packed) == 80
    assert column.process_result_value(packed, None) == ten  # type: ignore[arg-type]
