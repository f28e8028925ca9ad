"""`flask corrections`: from and to files."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from tests import pen


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of three good lines and two bad ones."""
    lines = [json.dumps({"strokes": pen.write(label), "label": label}) for label in (1, 2, 3)]
    path = tmp_path / "corrections.jsonl"
    path.write_text("\n".join([lines[0], "nonsense", lines[1], '{"label": 12}', lines[2]]))
    return path


def run(app: Flask, *arguments: str | Path, typed: str | None = None) -> Result:
    words = ["corrections", *map(str, arguments)]
    return app.test_cli_runner().invoke(args=words, input=typed)


def test_good_lines_are_imported_and_bad_ones_named(app: Flask, file: Path):
    result = run(app, "import", file)
    assert result.exit_code == 0
    assert "3 corrections added, 0 known already, 2 skipped. Next: flask retrain" in (result.output)
    assert "Skipped line 2: it is not JSON" in result.stderr
    assert "Skipped line 4: label must be a number from 0 to 9" in result.stderr


def test_standard_input_may_be_imported(app: Flask, file: Path):
    assert "3 corrections added" in run(app, "import", "-", typed=file.read_text()).output


def test_a_file_without_one_good_line_fails(app: Flask, tmp_path: Path):
    (tmp_path / "bad").write_bytes(b"\xff\xfe\n" * 30)
    result = run(app, "import", tmp_path / "bad")
    assert result.exit_code == 1
    assert "30 skipped" in result.output
    assert "… and 10 more." in result.stderr


def test_an_empty_file_is_no_failure(app: Flask, tmp_path: Path):
    (tmp_path / "empty").touch()
    result = run(app, "import", tmp_path / "empty")
    assert (result.exit_code, "0 corrections added" in result.output) == (0, True)


def test_what_is_exported_is_known_when_it_comes_back(app: Flask, file: Path, tmp_path: Path):
    run(app, "import", file)
    assert "3 corrections." in run(app, "export", tmp_path / "out").output
    assert "0 corrections added, 3 known already" in run(app, "import", tmp_path / "out").output


def test_an_export_never_overwrites(app: Flask, file: Path):
    before = file.read_text()
    result = run(app, "export", file)
    assert result.exit_code == 1
    assert "exists already; name a new file" in result.output
    assert file.read_text() == before


def test_an_export_that_cannot_be_written_is_told(app: Flask, tmp_path: Path):
    result = run(app, "export", tmp_path / "missing" / "out")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_a_file_that_is_not_there_is_told(app: Flask, tmp_path: Path):
    result = run(app, "import", tmp_path / "missing")
    assert result.exit_code == 2
    assert "No such file" in result.output


@pytest.mark.parametrize("name", ["out.csv", "out.npz", "out.jsonl", "OUT.NPZ"])
def test_the_name_of_a_file_says_what_it_is(app: Flask, file: Path, tmp_path: Path, name: str):
    run(app, "import", file)
    assert "3 corrections." in run(app, "export", tmp_path / name).output
    assert "0 corrections added, 3 known already" in run(app, "import", tmp_path / name).output


def test_the_format_may_be_said_where_the_name_does_not(app: Flask, file: Path, tmp_path: Path):
    run(app, "import", file)
    run(app, "export", tmp_path / "out", "--format", "csv")
    typed = (tmp_path / "out").read_text()
    assert typed.startswith("label,pixel0,")
    assert "3 known already" in run(app, "import", "-", "--format", "csv", typed=typed).output
    assert run(app, "import", "-", "--format", "xml", typed=typed).exit_code == 2
