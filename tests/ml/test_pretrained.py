"""The versions that ship are what their cards say."""

from functools import lru_cache

import numpy as np
import pytest

from ml import bundle, export, preprocessing
from ml.bundle import FAMILIES, PRETRAINED, Bundle, Family
from ml.datasets import MNIST_SHA256, load_mnist
from ml.evaluation import evaluate
from ml.runtime import Recogniser
from ml.synthesis import non_digits, styled

LEAST_ACCURACY: dict[Family, float] = {"cnn": 0.992, "dnn": 0.978}


@lru_cache
def shipped(family: Family) -> Bundle:
    return bundle.load(PRETRAINED / family)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shipped_version_reads_mnist_as_well_as_its_card_says(family: Family) -> None:
    found = evaluate(shipped(family), load_mnist().test)
    assert found.accuracy == pytest.approx(shipped(family).card.figures["mnist_test"]["accuracy"])
    assert found.accuracy >= LEAST_ACCURACY[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shipped_version_was_made_from_this_repository(family: Family) -> None:
    card = shipped(family).card
    assert card.family == family
    assert card.parent is None
    assert card.preprocessing_version == preprocessing.VERSION
    assert card.data["mnist_sha256"] == MNIST_SHA256


@pytest.mark.parametrize("family", FAMILIES)
def test_both_files_of_a_shipped_version_hold_the_same_weights(family: Family) -> None:
    model = export.from_keras(shipped(family).keras)
    assert export.weights_sha256(model) == shipped(family).card.weights_sha256
    digits = load_mnist().gate.images[:100]
    assert export.largest_difference(model, shipped(family).tflite, digits) < export.MAX_DIFFERENCE


@pytest.mark.parametrize("style", ["0 slashed", "1 flagged-footed", "4 open", "7 barred"])
def test_styles_that_mnist_lacks_are_read(style: str) -> None:
    digits = styled(20, np.random.default_rng(3))[style]
    assert evaluate(shipped("cnn"), digits).accuracy >= 0.9


def test_most_of_what_is_no_digit_is_refused_and_hardly_a_digit() -> None:
    recogniser = Recogniser(shipped("cnn"))
    threshold = recogniser.card.refusal.threshold
    others = non_digits(load_mnist().gate, 300, np.random.default_rng(3))
    assert (recogniser.recognise(others.images).refusal > threshold).mean() > 0.7
    assert (recogniser.recognise(load_mnist().test.images).refusal > threshold).mean() < 0.003
