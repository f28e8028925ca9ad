"""`/healthz` and `/readyz`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml import bundle
from tests.conftest import dispose
from tests.people import error_of
from webapp.db import db
from webapp.models import ModelFile


def spoil_database(app: Flask, instance: Path) -> None:
    dispose(app)
    for file in instance.glob("inkling.sqlite3*"):
        file.write_bytes(b"no database " * 500)


def lose_all_versions(app: Flask, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(bundle, "PRETRAINED", folder)
    with app.app_context():
        db.session.query(ModelFile).delete()
        db.session.commit()


@pytest.mark.parametrize("path, status", [("/healthz", "alive"), ("/readyz", "ready")])
def test_a_sound_site_says_what_it_serves(quiet: FlaskClient, path: str, status: str):
    response = quiet.get(path)
    assert response.status_code == 200
    assert response.get_json() == {
        "status": status,
        "versions": {"cnn": "cnn-1", "dnn": "dnn-1"},
    }
    assert "Set-Cookie" not in response.headers


def test_without_a_database_a_process_lives_but_is_not_ready(app: Flask, instance: Path):
    spoil_database(app, instance)
    client = app.test_client()
    assert client.get("/healthz").get_json() == {
        "status": "alive",
        "versions": {"cnn": None, "dnn": None},
    }
    assert "database does not answer" in error_of(client.get("/readyz"), 503, "unavailable")


def test_without_a_version_a_process_lives_but_is_not_ready(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    lose_all_versions(app, monkeypatch, tmp_path)
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    assert "No model can answer" in error_of(client.get("/readyz"), 503, "unavailable")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_only_looking_is_allowed(quiet: FlaskClient, method: str):
    ask: Callable[[str], object] = getattr(quiet, method)
    error_of(ask("/healthz"), 405, "method-not-allowed")  # type: ignore[arg-type]
