"""What SQLite is told on every connection, and how a transaction that writes begins."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from webapp.db import begin_write, db
from webapp.models import Digit, Visitor


@pytest.mark.parametrize(
    "pragma, value",
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("synchronous", 2),  # FULL
        ("busy_timeout", 15_000),
    ],
)
def test_every_connection_is_told(app: Flask, pragma: str, value: object):
    with app.app_context():
        assert db.session.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_a_row_never_points_to_one_that_is_not_there(app: Flask):
    with app.app_context():
        begin_write()
        digit = Digit(picture_sha256="0", preprocessing_version=1, holdout=False)
        digit.visitor_id = "nobody"
        db.session.add(digit)
        with pytest.raises(IntegrityError, match="FOREIGN KEY"):
            db.session.commit()


def test_begin_write_sees_what_was_committed_since_the_last_look(app: Flask):
    with app.app_context():
        assert db.session.query(Visitor).count() == 0
        with app.app_context():
            db.session.add(Visitor())
            db.session.commit()
        begin_write()
        assert db.session.query(Visitor).count() == 1


def test_eight_threads_that_read_and_then_write_lose_nothing(app: Flask):
    with app.app_context():
        db.session.execute(text("CREATE TABLE counter (value INTEGER)"))
        db.session.execute(text("INSERT INTO counter VALUES (0)"))
        db.session.commit()

    def count_to(number: int) -> None:
        for _ in range(number):
            with app.app_context():
                begin_write()
                value = db.session.execute(text("SELECT value FROM counter")).scalar_one()
                db.session.execute(text("UPDATE counter SET value = :new"), {"new": value + 1})
                db.session.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count_to, [20] * 8))
    with app.app_context():
        assert db.session.execute(text("SELECT value FROM counter")).scalar_one() == 160


def test_a_transaction_that_only_reads_does_not_wait_for_a_writer(app: Flask):
    with app.app_context():
        begin_write()
        db.session.add(Visitor())
        db.session.flush()
        with app.app_context():
            assert db.session.query(Visitor).count() == 0


def test_a_writer_gives_up_when_another_one_never_ends(app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("webapp.db.BUSY_TIMEOUT_SECONDS", 0.05)
    with app.app_context():
        begin_write()
        with app.app_context(), pytest.raises(OperationalError, match="database is locked"):
            begin_write()
        db.session.rollback()
        with app.app_context():
            begin_write()
