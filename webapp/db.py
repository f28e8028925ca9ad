"""The SQLAlchemy handle and what SQLite must be told on every connection."""

import sqlite3
import time
from typing import Any

import click
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.orm import DeclarativeBase

from webapp.config import ROOT

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints carry names, so that a later migration can name the one it changes."""

BUSY_TIMEOUT_SECONDS = 15
"""How long a writer waits for another one; a commit takes well under a millisecond."""

RETRY_SECONDS = 0.002
"""SQLite itself looks again after longer and longer naps, up to a tenth of a second, in which those
who came later overtake."""

PRIMARY_CODE = 0xFF
"""The part of SQLite's error codes that says which kind of error it is."""


class Base(DeclarativeBase):
    """What every record inherits."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def init_app(app: Flask) -> None:
    """Attach the database to the application, and migrations where a command may need them."""
    db.init_app(app)
    if click.get_current_context(silent=True):
        attach_migrations(app)


def attach_migrations(app: Flask) -> None:
    """Attach Flask-Migrate; a web process does without, and without 10 MB of Alembic."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)


def begin_write() -> None:
    """Start a transaction that is going to write.

    SQLite fails at once when a transaction reads first and writes later while somebody else has
    written in between; `BEGIN IMMEDIATE` takes the write lock first and waits for it instead.
    What was read before is read anew after.
    """
    db.session.rollback()
    db.session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # SQLAlchemy's "begin" event below opens transactions, not the driver.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    if mode != "IMMEDIATE" or not _begun_in_time(connection.connection.driver_connection):
        connection.exec_driver_sql(f"BEGIN {mode}")


def _begun_in_time(connection: Any) -> bool:
    """Try again and again to become the one writer, as long as SQLite itself would."""
    until = time.monotonic() + BUSY_TIMEOUT_SECONDS
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & PRIMARY_CODE != sqlite3.SQLITE_BUSY:
                    break
            else:
                return True
            time.sleep(RETRY_SECONDS)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")
    return False
