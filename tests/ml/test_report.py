"""An evaluation as files."""

import csv
import io
import json
from collections.abc import Callable

import numpy as np
import pytest

from ml import report
from ml.bundle import Bundle
from ml.datasets import LabelledDigits


@pytest.fixture(scope="module")
def versions(make_bundle: Callable[..., Bundle]) -> list[report.Evaluated]:
    """Return two versions that read the brightest pixel of the uppermost row, one of them not."""
    images = np.zeros((30, 28, 28), np.uint8)
    images[np.arange(30), 0, np.arange(30) % 10] = 255
    images[:3, 0, 5] = 255  # 0, 1 and 2 might be 5 as well
    digits = LabelledDigits(images, np.arange(30) % 10)
    styles = {"7 barred": {"accuracy": 0.9, "refused": 0.1}}
    return [
        report.evaluated("cnn-1", make_bundle(styles=styles), digits),
        report.evaluated("dnn-1", make_bundle(gain=-1.0, family="dnn"), digits),
    ]


@pytest.fixture(scope="module")
def files(versions: list[report.Evaluated]) -> dict[str, bytes]:
    """Return the files; what the plots of a version show is tested where they are drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "plot_all", lambda _: {"confusion-dark.png": b"drawn"})
        return report.files(versions)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_figures_are_there_as_json_and_as_csv(files: dict[str, bytes]) -> None:
    found = json.loads(files["figures.json"])["versions"]["cnn-1"]
    assert found["figures"]["accuracy"] == 1.0
    assert len(found["digits"]) == len(found["confusion"]) == 10
    told = {(row["version"], row["measure"]): row["value"] for row in rows(files["figures.csv"])}
    assert told["cnn-1", "accuracy"] == "1.0"
    assert float(told["dnn-1", "accuracy"]) < 0.5


def test_each_digit_and_each_style_has_its_row(files: dict[str, bytes]) -> None:
    digits = rows(files["digits.csv"])
    assert [row["digit"] for row in digits if row["version"] == "cnn-1"] == list("0123456789")
    assert rows(files["styles.csv"]) == [
        {"version": "cnn-1", "style": "7 barred", "accuracy": "0.9", "refused": "0.1"}
    ]


def test_two_versions_are_compared_digit_by_digit(files: dict[str, bytes]) -> None:
    (found,) = json.loads(files["figures.json"])["comparisons"]
    assert (found["first"], found["second"]) == ("cnn-1", "dnn-1")
    assert found["only_second_right"] == 0
    assert found["only_first_right"] == len(found["disagreements"]) > 20
    assert found["p"] < 0.001


def test_every_version_has_its_plots_and_every_pair_where_it_disagrees(
    files: dict[str, bytes],
) -> None:
    assert "cnn-1/confusion-dark.png" in files
    assert "cnn-1-dnn-1/disagreements-light.png" in files
