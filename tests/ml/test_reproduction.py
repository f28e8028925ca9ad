"""Published networks, trained with few digits as they are published."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml.architectures import CATALOGUE, UnknownArchitectureError
from ml.datasets import DatasetError
from ml.training import TrainingError
from ml.training.reproduction import (
    Reproduction,
    load_results,
    markdown,
    published_rows,
    reproduce,
    save_results,
)

RESULT = Reproduction(
    architecture="cnn-32-64",
    parameters=225_034,
    epochs=15,
    train_size=54_000,
    seconds=200.4,
    cpu_seconds=301.6,
    figures={"accuracy": 0.991, "loss": 0.0262, "precision": 0.9911, "recall": 0.99, "f1": 0.99},
    date="2026-01-02",
    machine="a small one",
)


def test_every_network_that_somebody_else_publishes_is_reproduced() -> None:
    assert len(published_rows()) == 6
    assert not [name for name in published_rows() if name.startswith("inkling")]
    assert all(10 <= row.published.epochs <= 20 for row in CATALOGUE.values() if row.published)


def test_a_network_is_trained_on_nine_tenths_and_read_on_the_test_set() -> None:
    told: list[tuple[int, int]] = []
    found = reproduce(
        "dnn-128-64", lambda _, done, total: told.append((done, total)), epochs=2, train_size=2_000
    )
    assert (found.parameters, found.epochs, found.train_size) == (109_386, 2, 1_800)
    assert found.figures["accuracy"] > 0.7
    assert told[-1] == (30, 30)
    assert "TensorFlow" in found.machine


def test_a_network_published_with_augmentation_slows_down_and_stops_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = CATALOGUE["dnn-128-64"]
    assert small.published
    careful = replace(small, published=replace(small.published, augmented=True))
    monkeypatch.setitem(CATALOGUE, "careful", careful)  # type: ignore[misc]
    assert reproduce("careful", epochs=1, train_size=500).figures["accuracy"] > 0.1


def test_what_cannot_be_reproduced_is_told() -> None:
    with pytest.raises(UnknownArchitectureError, match="nothing-like-it"):
        reproduce("nothing-like-it")
    with pytest.raises(TrainingError, match="inkling-cnn is ours; published are dnn-128-64"):
        reproduce("inkling-cnn")
    with pytest.raises(DatasetError, match="1 digits are too few"):
        reproduce("dnn-128-64", train_size=1)


def test_results_of_one_day_stay_beside_those_of_another(tmp_path: Path) -> None:
    other = replace(RESULT, architecture="dnn-128-64")
    for one in (RESULT, other, replace(RESULT, epochs=10)):
        save_results([one], tmp_path / "here")
    assert list(load_results(tmp_path / "here")) == ["dnn-128-64", "cnn-32-64"]
    assert load_results(tmp_path / "here")["cnn-32-64"].epochs == 10
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["reproduced.json"]
    assert json.loads((tmp_path / "here" / "reproduced.json").read_text())[1]["seconds"] == 200.4


def test_the_table_puts_published_figures_beside_ours() -> None:
    (row,) = markdown([RESULT]).splitlines()[2:]
    assert row == (
        "| cnn-32-64 | 225,034 "
        "| 99.2 %, loss 0.0255, precision 99.1 %, recall 99.2 %, F1 99.2 % "
        "| 99.1 %, loss 0.0262, precision 99.11 %, recall 99 %, F1 99 % | 15 | 302 |"
    )


def test_where_no_figure_is_printed_there_is_a_dash() -> None:
    assert "| 225,034 | – | 99.1 %" in markdown(
        [replace(RESULT, architecture="cnn-32-64-no-dropout")]
    )
