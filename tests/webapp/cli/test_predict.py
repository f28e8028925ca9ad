"""`flask predict`: read pictures from the shell."""

import csv
import json
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


class TestOut:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        pages = tmp_path / "pages"
        (pages / "inner").mkdir(parents=True)
        written(pages, 3, "=three.png")
        written(pages / "inner", 7, "seven.PNG")
        (pages / "notes.txt").write_text("nothing to read")
        (pages / ".hidden.png").write_bytes(b"")
        return pages

    def test_the_pictures_of_a_folder_and_of_those_in_it_go_into_a_csv(
        self, app: Flask, folder: Path, tmp_path: Path
    ):
        out = tmp_path / "readings.csv"
        result = run(app, folder, Path("--out"), out)
        assert result.exit_code == 0, result.output
        assert "2 readings are in" in result.output
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [Path(row["file"]).name for row in rows] == ["=three.png", "seven.PNG"]
        assert [row["reading"] for row in rows] == ["3", "7"]
        assert [row["needs_look"] for row in rows] == ["no", "no"]

    def test_json_lines_have_every_digit(self, app: Flask, folder: Path, tmp_path: Path):
        out = tmp_path / "readings.jsonl"
        assert run(app, folder, Path("--out"), out).exit_code == 0
        three, _ = map(json.loads, out.read_text().splitlines())
        assert three["reading"] == "3"
        (digit,) = three["digits"]
        assert digit["label"] == 3
        assert len(digit["box"]) == 4

    def test_what_could_not_be_read_is_told_by_reason(
        self, app: Flask, folder: Path, tmp_path: Path
    ):
        for name in "abcdefg":
            (folder / f"{name}.png").write_text("no picture")
        out = tmp_path / "readings.csv"
        result = run(app, folder, Path("--out"), out)
        assert result.exit_code == 1
        assert "a.png, b.png, c.png, d.png, e.png and 2 more: This is not" in result.output
        assert "7 of 9 files could not be read." in result.output
        assert out.read_text().count("\n") == 10

    def test_another_ending_is_refused_before_anything_is_read(self, app: Flask, folder: Path):
        result = run(app, folder, Path("--out"), Path("readings.xls"))
        assert result.exit_code == 2
        assert "must end in .csv or .jsonl" in result.output

    def test_a_folder_without_pictures_is_told(self, app: Flask, tmp_path: Path):
        assert "There is no picture in" in run(app, tmp_path).output


class TestForms:
    DEFINITION = '{"fields": [{"name": "left", "box": [0, 0, 1, 1], "digits": 1}]}'

    def test_each_field_of_each_page_is_a_line(self, app: Flask, tmp_path: Path):
        (tmp_path / "form.json").write_text(self.DEFINITION)
        page, out = written(tmp_path, 7, "seven.png"), tmp_path / "readings.csv"
        form = tmp_path / "form.json"
        result = run(app, page, Path("--form"), form, Path("--out"), out)
        assert result.exit_code == 0, result.output
        with out.open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["field"], row["reading"]) == ("left", "7")

    def test_json_lines_have_the_fields(self, app: Flask, tmp_path: Path):
        (tmp_path / "form.json").write_text(self.DEFINITION)
        page, out = written(tmp_path, 7, "seven.png"), tmp_path / "readings.jsonl"
        run(app, page, Path("--form"), tmp_path / "form.json", Path("--out"), out)
        assert json.loads(out.read_text())["fields"][0]["reading"] == "7"

    def test_a_form_that_cannot_be_used_is_told(self, app: Flask, tmp_path: Path):
        (tmp_path / "form.json").write_text("{}")
        page = written(tmp_path, 7, "seven.png")
        result = run(app, page, Path("--form"), tmp_path / "form.json")
        assert result.exit_code == 2
        assert "A form has 1 to" in result.output
