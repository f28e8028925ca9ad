"""`flask evaluate`: figures, the folder, and what others publish."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from ml.bundle import Bundle
from ml.plots import PLOTS
from webapp.db import begin_write, db
from webapp.models import ModelVersion


@pytest.fixture
def plain(app: Flask, make_bundle: Callable[..., Bundle]) -> tuple[str, str]:
    """Return the names of a cnn and a dnn that read next to nothing, and fast."""
    with app.app_context():
        begin_write()
        made = (make_bundle(), make_bundle(gain=-1.0, family="dnn"))
        names = [ModelVersion.add(one, origin="train").name for one in made]
        db.session.commit()
    return names[0], names[1]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["evaluate", *arguments])


def test_versions_stand_side_by_side(app: Flask, plain: tuple[str, str]):
    result = run(app, *plain)
    assert result.exit_code == 0, result.output
    assert re.search(r"accuracy +│ +9\.80% +│", result.output)
    assert "7: precision, recall" in result.output
    assert re.search(r"cnn-2 and dnn-2 read [\d,]+ of 10,000 digits differently", result.output)


def test_the_live_versions_are_evaluated_where_none_is_named(app: Flask, plain: tuple[str, str]):
    app.test_cli_runner().invoke(args=["versions", "promote", *plain])
    assert re.search(r"MNIST test +┃ cnn-2 +┃ dnn-2", run(app).output)


def test_the_folder_holds_numbers_plots_and_a_page(
    app: Flask, plain: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = [f"{kind}-{theme}.png" for kind in PLOTS for theme in ("light", "dark")]
    monkeypatch.setattr("ml.report.plot_all", lambda _: dict.fromkeys(names, b"drawn"))
    out = tmp_path / "evaluation"
    result = run(app, *plain, "--out", str(out))
    assert f"Look at {out / 'index.html'}." in result.output.replace("\n", "")
    page = (out / "index.html").read_text()
    linked = re.findall(r'(?:src|srcset|href)="([^"]+)"', page)
    assert len(linked) > 20
    assert not [link for link in linked if not (out / link).is_file()]
    assert set(json.loads((out / "figures.json").read_text())["versions"]) == set(plain)
    assert "http" not in page


def test_a_folder_that_is_there_is_not_overwritten(
    app: Flask, plain: tuple[str, str], tmp_path: Path
):
    result = run(app, *plain, "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "exists already; name a new folder." in result.output


def test_published_networks_are_trained_and_kept(app: Flask, tmp_path: Path):
    few = ("--rows", "dnn-128-64", "--epochs", "1", "--train-size", "500")
    result = run(app, "--reproduce", *few, "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "dnn-128-64" in result.output
    (row,) = json.loads((tmp_path / "reproduced.json").read_text())
    assert (row["architecture"], row["epochs"], row["train_size"]) == ("dnn-128-64", 1, 450)


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (["cnn-9"], 1, "There is no version cnn-9."),
        (["--rows", "cnn-32-64"], 2, "belong to --reproduce"),
        (["cnn-1", "--reproduce"], 2, "name them with --rows"),
        (["--reproduce", "--rows", "cnn-9"], 1, "There is no architecture 'cnn-9'; known are"),
        (["--reproduce", "--rows", "inkling-cnn"], 1, "inkling-cnn is ours; published are"),
        (["--reproduce", "--train-size", "7"], 2, "100<=x<=60000"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    app: Flask, arguments: list[str], code: int, told: str
):
    result = run(app, *arguments)
    assert result.exit_code == code
    assert told in result.output
    assert "Traceback" not in result.output
