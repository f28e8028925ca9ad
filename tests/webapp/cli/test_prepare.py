"""`flask prepare` and `flask backup`."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from ml import bundle
from tests.conftest import dispose
from webapp import create_app
from webapp.db import db
from webapp.models import Promotion, SignInLink


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Return an application on a machine where nothing was ever made."""
    monkeypatch.setenv("INKLING_INSTANCE", str(tmp_path / "instance"))
    application = create_app({"TESTING": True})
    yield application
    dispose(application)


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


class TestPrepare:
    def test_makes_everything_that_a_site_needs(self, fresh: Flask):
        result = run(fresh, "prepare")
        assert result.exit_code == 0
        assert "Live: cnn-1 and dnn-1, as shipped." in result.output
        assert "http://127.0.0.1:8000" in result.output
        assert fresh.test_client().get("/readyz").status_code == 200

    def test_prints_a_link_that_works_while_nobody_reviews(self, fresh: Flask):
        output = run(fresh, "prepare").output
        path = "/auth/link/" + output.rpartition("/auth/link/")[2].strip()
        data = {"name": "Dora", "password": "dora's own words"}
        fresh.config["WTF_CSRF_ENABLED"] = False
        assert fresh.test_client().post(path, data=data).status_code == 303
        assert "/auth/link/" not in run(fresh, "prepare").output

    def test_may_run_at_every_start(self, app: Flask):
        result = run(app, "prepare")
        assert result.exit_code == 0
        assert "as shipped" not in result.output
        with app.app_context():
            assert db.session.query(Promotion).count() == 1
            assert db.session.query(SignInLink).count() == 1

    @pytest.mark.parametrize(
        "host, port, shown",
        [
            ("192.0.2.7", "80", "Inkling: http://192.0.2.7:80"),
            ("0.0.0.0", "5000", "Inkling here:      http://127.0.0.1:5000"),
            ("::", "5000", "http://127.0.0.1:5000/auth/link/"),
        ],
    )
    def test_prints_where_the_site_is(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, host: str, port: str, shown: str
    ):
        monkeypatch.setenv("HOST", host)
        monkeypatch.setenv("PORT", port)
        assert shown in run(app, "prepare").output

    def test_prints_an_address_for_phones_where_all_may_come(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("HOST", "0.0.0.0")
        assert "Inkling on phones: http://" in run(app, "prepare").output

    @pytest.mark.parametrize("value", ["two", "", "0", "-1"])
    def test_stops_at_a_number_of_processes_that_is_none(
        self, fresh: Flask, monkeypatch: pytest.MonkeyPatch, value: str
    ):
        monkeypatch.setenv("WEB_CONCURRENCY", value)
        result = run(fresh, "prepare")
        assert result.exit_code == 1
        assert "must be a number of processes" in result.output

    def test_stops_at_a_file_that_is_no_database(self, fresh: Flask, tmp_path: Path):
        (tmp_path / "instance" / "inkling.sqlite3").write_bytes(b"Dear diary. " * 500)
        result = run(fresh, "prepare")
        assert result.exit_code == 1
        assert "cannot be used: file is not a database" in result.output
        assert "Traceback" not in result.output

    def test_stops_when_what_ships_is_damaged(
        self, fresh: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setattr(bundle, "PRETRAINED", tmp_path)
        result = run(fresh, "prepare")
        assert result.exit_code == 1
        assert "No complete model in" in result.output

    def test_needs_nothing_that_ships_once_a_version_is_live(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setattr(bundle, "PRETRAINED", tmp_path)
        assert run(app, "prepare").exit_code == 0


class TestBackup:
    def test_writes_one_file_and_says_what_to_do_with_it(self, app: Flask, tmp_path: Path):
        target = tmp_path / "copy.sqlite3"
        result = run(app, "backup", str(target))
        assert result.exit_code == 0
        assert "MB. To restore, stop the site" in result.output
        with sqlite3.connect(target) as copy:
            weights = (
                "SELECT count(*) FROM model_file WHERE name IN ('model.keras', 'model.tflite')"
            )
            assert copy.execute(weights).fetchone() == (4,)
        copy.close()

    def test_takes_a_name_in_the_folder_where_one_is(
        self, app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        assert run(app, "backup", "copy.sqlite3").exit_code == 0
        assert (tmp_path / "copy.sqlite3").exists()

    def test_never_overwrites(self, app: Flask, tmp_path: Path):
        (tmp_path / "copy.sqlite3").write_text("precious")
        result = run(app, "backup", str(tmp_path / "copy.sqlite3"))
        assert result.exit_code == 1
        assert "exists already; name a new file" in result.output
