"""`flask versions`: list, show, promote, roll back, export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from ml import bundle
from ml.bundle import Bundle
from webapp.db import db
from webapp.models import ModelVersion, Promotion


@pytest.fixture
def more(app: Flask, make_bundle: Callable[..., Bundle]) -> None:
    """Save cnn-2, cnn-3 and dnn-2 without making them live."""
    with app.app_context():
        for family in ("cnn", "cnn", "dnn"):
            ModelVersion.add(make_bundle(family=family), origin="train")
        db.session.commit()


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["versions", *arguments])


def live(app: Flask) -> tuple[str, str]:
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        return current.cnn_name, current.dnn_name


def test_the_list_says_which_are_live_and_how_good_they_are(app: Flask, more: None):
    lines = run(app, "list").output.splitlines()
    (shipped,) = [line for line in lines if "cnn-1" in line]
    (trained,) = [line for line in lines if "cnn-3" in line]
    assert "live" in shipped
    assert "live" not in trained
    assert "50.00%" in trained


def test_a_card_is_shown_as_json(app: Flask, more: None):
    card = json.loads(run(app, "show", "dnn-2").output)
    assert (card["family"], card["architecture"], card["report"]) == ("dnn", "pixels", None)


def test_promoting_and_rolling_back_go_both_ways(app: Flask, more: None):
    result = run(app, "promote", "cnn-2", "dnn-2", "--reason", "They read better.")
    assert "Live: cnn-2 and dnn-2. Back: flask versions rollback" in result.output
    run(app, "promote", "cnn-3")
    assert live(app) == ("cnn-3", "dnn-2")
    run(app, "rollback")
    assert live(app) == ("cnn-2", "dnn-2")
    run(app, "rollback")
    assert live(app) == ("cnn-1", "dnn-1")
    with app.app_context():
        reasons = [one.reason for one in db.session.query(Promotion).order_by(Promotion.id)]
        assert reasons[1] == "They read better."
        assert reasons[-1] == "Rolled back by hand."


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["promote", "cnn-9"], "There is no version cnn-9. flask versions list"),
        (["promote", "cnn-1"], "cnn-1 and dnn-1 are live already."),
        (["promote", "cnn-2", "cnn-3"], "two of them cannot both be live"),
        (["promote", "cnn-2", "cnn-2"], "two of them cannot both be live"),
        (["rollback"], "There is no earlier promotion to go back to."),
        (["show", "cnn-9"], "There is no version cnn-9."),
        (["export", "cnn-9", "folder"], "There is no version cnn-9."),
    ],
)
def test_what_cannot_be_done_is_told(app: Flask, more: None, arguments: list[str], told: str):
    result = run(app, *arguments)
    assert result.exit_code == 1
    assert told in result.output
    assert live(app) == ("cnn-1", "dnn-1")


def test_a_version_is_exported_as_it_was_saved(app: Flask, tmp_path: Path):
    result = run(app, "export", "cnn-1", str(tmp_path / "here" / "cnn"))
    assert "card.json, model.keras, model.tflite" in result.output
    assert bundle.load(tmp_path / "here" / "cnn") == bundle.load(bundle.PRETRAINED / "cnn")


def test_an_export_never_overwrites(app: Flask, tmp_path: Path):
    result = run(app, "export", "cnn-1", str(tmp_path))
    assert result.exit_code == 1
    assert "exists already; name a new folder" in result.output
