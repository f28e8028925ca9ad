"""`flask predict`: read pictures from the shell."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from flask import Flask

from ml import strokes
from ml.images import to_png
from tests import pen
from webapp.db import db
from webapp.models import Submission


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")


def written(folder: Path, label: int, name: str) -> Path:
    """Write a digit on a page and return its file."""
    drawing = strokes.parse_strokes(pen.write(label), max_points=10_000)
    path = folder / name
    path.write_bytes(to_png(255 - np.pad(strokes.render(drawing), 60)))
    return path


def run(app: Flask, *files: Path) -> Result:
    return app.test_cli_runner().invoke(args=["predict", *map(str, files)])


def row(output: str, name: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if name in line]
    return [cell.strip() for cell in line.strip("│ ").split("│")][1:]


def test_every_file_is_read_and_nothing_is_saved(app: Flask, tmp_path: Path):
    files = [written(tmp_path, label, f"{label}.png") for label in (3, 7)]
    result = run(app, *files)
    assert result.exit_code == 0
    for label in ("3", "7"):
        reading, confidence, cnn, dnn = row(result.output, f"{label}.png")
        assert (reading, cnn, dnn) == (label, label, label)
        assert confidence.endswith("%")
    with app.app_context():
        assert db.session.query(Submission).count() == 0


def test_a_file_that_cannot_be_read_does_not_stop_the_others(app: Flask, tmp_path: Path):
    (tmp_path / "text.png").write_text("Dear Inkling, this is a 7.")
    (tmp_path / "blank.png").write_bytes(to_png(np.full((90, 90), 255, np.uint8)))
    good = written(tmp_path, 7, "seven.png")
    result = run(app, tmp_path / "text.png", tmp_path / "blank.png", good)
    assert result.exit_code == 1
    assert "not a picture that can be read" in row(result.output, "text.png")[0]
    assert "Nothing is written on it." in row(result.output, "blank.png")[0]
    assert row(result.output, "seven.png")[0] == "7"
    assert "2 of 3 files could not be read." in result.output


def test_brackets_in_a_name_are_shown_as_they_are(app: Flask, tmp_path: Path):
    assert row(run(app, written(tmp_path, 7, "[bold]7.png")).output, "[bold]7.png")[0] == "7"


def test_a_file_that_is_not_there_is_told(app: Flask, tmp_path: Path):
    result = run(app, tmp_path / "missing.png")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_at_least_one_file_is_asked_for(app: Flask):
    assert run(app).exit_code == 2
