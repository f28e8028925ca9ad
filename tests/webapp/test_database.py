"""The database as a whole: migrations, damage, backups."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from tests.conftest import dispose
from tests.people import read
from webapp import create_app, database
from webapp.database import DatabaseError
from webapp.db import attach_migrations, db


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Return an application whose database has no tables yet."""
    monkeypatch.setenv("INKLING_INSTANCE", str(tmp_path / "empty"))
    application = create_app({"TESTING": True})
    attach_migrations(application)
    yield application
    dispose(application)


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


class TestMigrations:
    def test_from_nothing_give_exactly_the_tables_of_the_models(self, empty: Flask):
        with empty.app_context():
            upgrade()
            with db.engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True})
                assert compare_metadata(context, db.metadata) == []
            assert tables() == set(db.metadata.tables)

    def test_go_back_to_nothing_and_forth_again(self, empty: Flask):
        with empty.app_context():
            upgrade()
            downgrade(revision="base")
            assert tables() == set()
            upgrade()
            assert database.current_revision() == database.newest_revision()

    def test_have_one_newest_revision(self):
        assert database.newest_revision() is not None


class TestBringingUpToDate:
    def test_an_empty_database_needs_no_backup(self, empty: Flask):
        with empty.app_context():
            assert database.current_revision() is None
            assert database.bring_up_to_date() is None
            assert database.current_revision() == database.newest_revision()

    def test_one_that_is_up_to_date_stays_untouched(self, app: Flask, instance: Path):
        with app.app_context():
            assert database.bring_up_to_date() is None
        assert not (instance / "backups").exists()

    def test_an_older_one_is_backed_up_first(
        self, app: Flask, instance: Path, monkeypatch: pytest.MonkeyPatch
    ):
        with app.app_context():
            revision = database.current_revision()
            monkeypatch.setattr(database, "newest_revision", lambda: "9999")
            backup = database.bring_up_to_date()
        assert backup is not None
        assert backup.parent == instance / "backups"
        assert backup.name.endswith(f"Z-{revision}.sqlite3")
        with sqlite3.connect(backup) as copy:
            assert copy.execute("SELECT count(*) FROM model_version").fetchone() == (2,)
        copy.close()

    def test_one_of_a_newer_inkling_is_refused(self, app: Flask):
        with app.app_context():
            db.session.execute(text("UPDATE alembic_version SET version_num = 'future'"))
            db.session.commit()
            with pytest.raises(DatabaseError, match="at revision future, which this version"):
                database.bring_up_to_date()

    def test_a_file_that_is_no_database_is_told(self, empty: Flask, tmp_path: Path):
        (tmp_path / "empty" / "inkling.sqlite3").write_bytes(b"Dear diary. " * 500)
        with empty.app_context(), pytest.raises(DatabaseError) as caught:
            database.bring_up_to_date()
        assert "file is not a database. Check DATABASE_URL, or put a backup" in str(caught.value)

    def test_a_path_that_cannot_be_opened_is_told_without_its_password(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("INKLING_INSTANCE", str(tmp_path))
        url = "postgresql://inkling:swordfish@127.0.0.1:1/inkling"
        application = create_app({"TESTING": True, "DATABASE_URL": url})
        with application.app_context(), pytest.raises(DatabaseError) as caught:
            database.bring_up_to_date()
        assert "cannot be used" in str(caught.value)
        assert "swordfish" not in str(caught.value)
        dispose(application)


class TestBackups:
    def test_hold_everything_also_what_is_not_yet_in_the_main_file(
        self, app: Flask, alice: FlaskClient, tmp_path: Path
    ):
        read(alice)
        with app.app_context():
            database.back_up(tmp_path / "copy.sqlite3")
        with sqlite3.connect(tmp_path / "copy.sqlite3") as copy:
            assert copy.execute("SELECT count(*) FROM submission").fetchone() == (1,)
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        copy.close()

    def test_can_be_served_from(
        self, app: Flask, alice: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        read(alice)
        with app.app_context():
            database.back_up(tmp_path / "copy.sqlite3")
        restored = create_app({"DATABASE_URL": f"sqlite:///{tmp_path}/copy.sqlite3"})
        assert restored.test_client().get("/readyz").status_code == 200
        dispose(restored)

    def test_never_overwrite_a_file(self, app: Flask, tmp_path: Path):
        (tmp_path / "copy.sqlite3").write_text("precious")
        with app.app_context(), pytest.raises(DatabaseError, match="exists already"):
            database.back_up(tmp_path / "copy.sqlite3")
        assert (tmp_path / "copy.sqlite3").read_text() == "precious"

    def test_that_cannot_be_written_are_told_and_leave_nothing(self, app: Flask, tmp_path: Path):
        with app.app_context(), pytest.raises(DatabaseError, match="could not be written"):
            database.back_up(tmp_path / "missing" / "copy.sqlite3")
        assert not (tmp_path / "missing").exists()
