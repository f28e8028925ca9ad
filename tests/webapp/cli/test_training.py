"""`flask train`: what is saved, and what goes wrong."""

import dataclasses
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import event, func, select

from ml import bundle, datasets, training
from ml.bundle import Bundle
from ml.training import TrainingConfig
from tests.ml.tiny import TINY
from webapp.db import db
from webapp.models import ModelVersion, Promotion

SMALLEST = dataclasses.replace(TINY, epochs=1, train_size=200, synthetic=20, non_digits=20)


@pytest.fixture
def smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the dnn be trained in a second, and have it finished without drawing a plot."""
    monkeypatch.setitem(training.DEFAULTS, "dnn", SMALLEST)  # type: ignore[misc]
    monkeypatch.setattr(training, "finish", lambda made, _: made)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, make_bundle: Callable[..., Bundle]) -> Bundle:
    """Let every training come to this version at once."""
    figures = {name: {"accuracy": 0.5, "loss": 1.0} for name in ("validation", "mnist_test")}
    made = make_bundle(family="dnn", figures=figures, history={"seconds": 0.5})
    for module in ("ml.training", "ml.training.random_search"):
        monkeypatch.setattr(f"{module}.train", lambda *_: made)
    monkeypatch.setattr(training, "finish", lambda made, _: made)
    return made


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["train", "--family", "dnn", *arguments])


def saved(app: Flask) -> tuple[int, tuple[str, str]]:
    """Return how many versions there are, and which are live."""
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        count = db.session.scalar(select(func.count()).select_from(ModelVersion))
        return count or 0, (current.cnn_name, current.dnn_name)


UNTOUCHED = (2, ("cnn-1", "dnn-1"))


def test_a_trained_version_is_saved_and_not_promoted(app: Flask, made: Bundle):
    assert "dnn-2: pixels, 7,850 parameters, MNIST test 50.00%" in run(app).output
    assert saved(app) == (3, ("cnn-1", "dnn-1"))


def test_a_version_is_written_as_files_instead(app: Flask, made: Bundle, tmp_path: Path):
    result = run(app, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert bundle.load(tmp_path / "out" / "dnn") == made
    assert saved(app) == UNTOUCHED


def test_a_search_shows_its_trials_and_saves_the_best(app: Flask, made: Bundle):
    result = run(app, "--search", "3")
    assert result.exit_code == 0, result.output
    assert result.output.count("50.00%") == 4
    assert "1.0000" in result.output
    assert saved(app)[0] == 3


def assert_told(result: Result, told: str) -> None:
    """Expect one line that says it, and no traceback."""
    assert result.exit_code == 1
    assert told in result.output
    assert result.output.rstrip().endswith("The live versions are untouched.")
    assert "Traceback" not in result.output


def test_an_unknown_architecture_is_told_with_the_known_ones(app: Flask, smallest: None):
    result = run(app, "--architecture", "dnn-9")
    assert_told(result, "There is no architecture 'dnn-9'; known are dnn-128-64,")
    assert saved(app) == UNTOUCHED


def change(monkeypatch: pytest.MonkeyPatch, **changes: float) -> None:
    config: TrainingConfig = dataclasses.replace(SMALLEST, **changes)  # type: ignore[arg-type]
    monkeypatch.setitem(training.DEFAULTS, "dnn", config)  # type: ignore[misc]


def test_an_empty_data_set_is_told(app: Flask, smallest: None, monkeypatch: pytest.MonkeyPatch):
    change(monkeypatch, train_size=0)
    assert_told(run(app), "There is no digit to learn from")
    assert saved(app) == UNTOUCHED


def test_a_loss_that_is_no_number_is_told(
    app: Flask, smallest: None, monkeypatch: pytest.MonkeyPatch
):
    change(monkeypatch, learning_rate=float("nan"), epochs=2)
    assert_told(run(app), "The loss became nan at step")
    assert saved(app) == UNTOUCHED


@pytest.mark.parametrize("content", [b"", b"PK no more", b"x" * 1000])
def test_a_broken_data_file_is_told(
    app: Flask, smallest: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
):
    broken = tmp_path / "mnist.npz"
    broken.write_bytes(content)
    whole = datasets.load_mnist
    monkeypatch.setattr("ml.training.scratch.load_mnist", lambda: whole(broken))
    assert_told(run(app), "mnist.npz is damaged: its SHA-256 is")
    assert saved(app) == UNTOUCHED


def test_a_missing_data_file_is_told(
    app: Flask, smallest: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    whole = datasets.load_mnist
    monkeypatch.setattr("ml.training.scratch.load_mnist", lambda: whole(tmp_path / "none.npz"))
    assert_told(run(app), "MNIST cannot be read:")


def test_a_full_disk_leaves_the_bundle_before(
    app: Flask, made: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(app, "--out", str(tmp_path / "out"))
    before = bundle.load(tmp_path / "out" / "dnn")

    def full(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert_told(run(app, "--out", str(tmp_path / "out")), "No space left on device")
    monkeypatch.undo()
    assert bundle.load(tmp_path / "out" / "dnn") == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dnn"]


def test_a_full_disk_under_the_database_saves_no_half_of_a_version(app: Flask, made: Bundle):
    with app.app_context():
        pages = db.session.connection().exec_driver_sql("PRAGMA page_count").scalar()
        assert isinstance(pages, int)

    def full(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    with app.app_context():
        db.session.remove()
        db.engine.dispose()
        event.listen(db.engine, "connect", full)
    huge = made.with_exports({"model.onnx": bytes(30_000_000)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml.training.train", lambda *_: huge)
        assert_told(run(app), "database or disk is full")
    with app.app_context():
        event.remove(db.engine, "connect", full)
        db.engine.dispose()
    assert saved(app) == UNTOUCHED
