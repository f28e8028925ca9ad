"""`flask versions`: list, show, promote, roll back, export."""

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from ml import bundle
from ml.bundle import Bundle
from ml.gate import NUMBERS
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
    assert "card.json, model-int8.tflite, model.keras" in result.output
    assert bundle.load(tmp_path / "here" / "cnn") == bundle.load(bundle.PRETRAINED / "cnn")


def test_an_export_never_overwrites(app: Flask, tmp_path: Path):
    result = run(app, "export", "cnn-1", str(tmp_path))
    assert result.exit_code == 1
    assert "exists already; name a new folder" in result.output


REFUSED = {"passed": False, "reasons": ["It forgot MNIST."], "rows": []}


@pytest.fixture
def refused(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version that the gate refused."""
    with app.app_context():
        version = ModelVersion.add(make_bundle(), origin="retrain", report=REFUSED)
        db.session.commit()
        return version.name


def test_what_the_gate_refused_is_promoted_only_by_force_and_that_is_recorded(
    app: Flask, refused: str
):
    plain = run(app, "promote", refused)
    assert plain.exit_code == 1
    assert 'refused cnn-2: It forgot MNIST. To do it all the same: --force "why"' in plain.output
    assert live(app) == ("cnn-1", "dnn-1")

    assert run(app, "promote", refused, "--force", "We need it.").exit_code == 0
    assert live(app) == ("cnn-2", "dnn-1")
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        assert current.reason == ("Forced: We need it. The gate refused cnn-2: It forgot MNIST.")


def test_force_takes_a_reason(app: Flask, refused: str):
    result = run(app, "promote", refused, "--force", " ")
    assert result.exit_code == 2
    assert "say why, in some words" in result.output
    assert live(app) == ("cnn-1", "dnn-1")


def test_what_does_not_answer_with_numbers_is_not_promoted_by_any_force(
    app: Flask, make_bundle: Callable[..., Bundle]
):
    row = {"name": NUMBERS, "before": "yes", "after": "no", "passed": False}
    with app.app_context():
        ModelVersion.add(make_bundle(), origin="retrain", report={**REFUSED, "rows": [row]})
        db.session.commit()

    result = run(app, "promote", "cnn-2", "--force", "We need it.")
    assert result.exit_code == 1
    assert "cnn-2 does not answer with numbers; choose another version." in result.output
    assert live(app) == ("cnn-1", "dnn-1")


class TestUpgrade:
    def test_leaves_what_is_up_to_date(self, app: Flask):
        assert "up to date" in run(app, "upgrade").output
        assert live(app) == ("cnn-1", "dnn-1")

    @pytest.mark.parametrize("command", [["versions", "upgrade"], ["prepare"]])
    def test_replaces_what_learned_from_another_preprocessing(
        self, app: Flask, make_bundle: Callable[..., Bundle], command: list[str]
    ):
        with app.app_context():
            outdated = ModelVersion.add(make_bundle(preprocessing_version=0), origin="train")
            Promotion.promote([outdated], by="test", reason="to see")
            db.session.commit()

        result = app.test_cli_runner().invoke(args=command)

        assert result.exit_code == 0
        assert "prepared in another way now than cnn-2 learned from" in result.output
        assert "flask retrain" in result.output
        assert live(app) == ("cnn-1", "dnn-1")
        with app.app_context():
            assert db.session.query(ModelVersion).count() == 3


class TestPrune:
    def test_deletes_the_files_of_old_versions_and_keeps_their_cards(self, app: Flask, more: None):
        result = run(app, "prune", "--keep", "1")

        assert "Without files now: cnn-2;" in result.output
        assert "MB are free again" in result.output
        with app.app_context():
            assert ModelVersion.with_files() == {"cnn-1", "dnn-1", "cnn-3", "dnn-2"}
            pruned = ModelVersion.named("cnn-2")
            assert pruned is not None
            assert pruned.card.architecture == "pixels"

    def test_keeps_what_is_live_and_what_rollbacks_need(self, app: Flask, more: None):
        for name in ("cnn-2", "dnn-2", "cnn-3"):
            run(app, "promote", name)

        assert "Nothing to prune." in run(app, "prune", "--keep", "1").output
        for expected in (("cnn-2", "dnn-2"), ("cnn-2", "dnn-1"), ("cnn-1", "dnn-1")):
            assert run(app, "rollback").exit_code == 0
            assert live(app) == expected

    def test_keeps_ten_of_a_family_unless_told_otherwise(
        self, app: Flask, make_bundle: Callable[..., Bundle]
    ):
        with app.app_context():
            for _ in range(11):
                ModelVersion.add(make_bundle(), origin="train")
            db.session.commit()

        assert "Without files now: cnn-2;" in run(app, "prune").output
        assert "Nothing to prune." in run(app, "prune").output

    def test_what_was_pruned_is_not_promoted(self, app: Flask, more: None):
        run(app, "prune", "--keep", "1")
        result = run(app, "promote", "cnn-2")
        assert result.exit_code == 1
        assert "The files of cnn-2 were pruned; choose another version." in result.output
        assert live(app) == ("cnn-1", "dnn-1")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return an empty folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "form, file",
    [
        ("keras", "cnn-2.keras"),
        ("litert", "cnn-2.tflite"),
        ("saved-model", "cnn-2-saved-model.zip"),
    ],
)
def test_one_form_is_exported_as_one_file(app: Flask, more: None, out: Path, form: str, file: str):
    result = run(app, "export", "cnn-2", "--format", form, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert re.search(
        r"Its logits differ from Keras' by \S+ at most, on 1,000 digits", result.output
    )
    assert [path.name for path in out.iterdir()] == [file]


def test_an_export_that_answers_otherwise_is_not_written(
    app: Flask, more: None, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml.export.MAX_DIFFERENCE", -1.0)
    file = out / "model.tflite"
    result = run(app, "export", "cnn-2", "--format", "litert", "--out", str(file))
    assert result.exit_code == 1
    assert "differ from Keras' by" in result.output
    assert not list(out.iterdir())


def test_onnx_without_its_packages_is_a_clear_error(
    app: Flask, more: None, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml.export.missing_packages", lambda: ["onnx"])
    result = run(app, "export", "cnn-2", "--format", "onnx", "--out", str(out))
    assert result.exit_code == 1
    assert "pip install -r requirements-export.txt" in result.output
    assert not list(out.iterdir())


def test_a_full_disk_is_told_and_leaves_nothing(
    app: Flask, more: None, out: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", full)
    result = run(app, "export", "cnn-2", "--format", "keras", "--out", str(out))
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert "live versions are untouched" in result.output
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    "arguments", [["cnn-2"], ["cnn-2", "here", "--format", "keras"], ["cnn-2", "--format", "h5"]]
)
def test_an_export_names_a_folder_or_a_form(app: Flask, more: None, arguments: list[str]):
    assert run(app, "export", *arguments).exit_code == 2


def test_weights_that_eight_bits_cannot_hold_are_told(app: Flask, more: None, out: Path):
    result = run(app, "export", "cnn-2", "--format", "int8", "--out", str(out))
    assert result.exit_code == 1
    assert "LiteRT cannot run what came of it" in result.output
    assert not list(out.iterdir())
