"""What a version gets besides weights and a card."""

from functools import lru_cache

import numpy as np
import pytest

from ml import training
from ml.bundle import INT8_FILE, KERAS_FILE, SAVED_MODEL_FILE, TFLITE_FILE, Bundle
from ml.datasets import load_mnist
from ml.plots import PLOTS
from ml.synthesis import styled
from ml.training import finishing
from tests.ml.tiny import tiny_version


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """Return the tiny version with everything; two digits of each style are enough here."""
    monkeypatch.setattr(finishing, "STYLE_DIGITS", 2)
    return _finished()


@lru_cache(maxsize=1)
def _finished() -> Bundle:
    return training.finish(tiny_version())


def test_a_version_gets_its_plots_and_its_other_forms(finished: Bundle) -> None:
    assert {name.rpartition("-")[0] for name in finished.plots} == set(PLOTS)
    assert {INT8_FILE, SAVED_MODEL_FILE} <= set(finished.exports)
    finished.check()


def test_the_card_keeps_every_mistake(finished: Bundle) -> None:
    readings = finished.card.readings["mnist_test"]
    confusion, mistakes = np.array(readings["confusion"]), readings["mistakes"]
    accuracy = finished.card.figures["mnist_test"]["accuracy"]
    assert confusion.sum() == len(load_mnist().test)
    assert len(mistakes) == confusion.sum() - np.trace(confusion) == round(10_000 * (1 - accuracy))
    assert all(load_mnist().test.labels[at] == true != read for at, true, read in mistakes[:50])


def test_the_card_says_how_each_style_is_read_and_refused(finished: Bundle) -> None:
    assert set(finished.card.styles) == set(styled(1, np.random.default_rng(1)))
    assert all(set(one) == {"accuracy", "refused"} for one in finished.card.styles.values())


def test_the_card_says_what_each_file_costs(finished: Bundle) -> None:
    costs = finished.card.costs
    assert costs[KERAS_FILE] == {"bytes": len(finished.keras)}
    assert 0 < costs[TFLITE_FILE]["milliseconds"] < 10
    assert costs[INT8_FILE]["bytes"] < costs[TFLITE_FILE]["bytes"] / 3


def test_the_int8_form_has_figures_of_its_own(finished: Bundle) -> None:
    figures = finished.card.figures
    loss = figures["mnist_test"]["accuracy"] - figures["mnist_test_in_int8"]["accuracy"]
    assert abs(loss) < 0.02


def test_weights_and_what_was_made_already_stay_as_they_are(finished: Bundle) -> None:
    assert (finished.keras, finished.tflite) == (tiny_version().keras, tiny_version().tflite)
