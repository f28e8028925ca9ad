"""The versions that ship are what their cards say."""

import hashlib
from dataclasses import asdict, replace
from functools import lru_cache

import numpy as np
import pytest

from ml import bundle, export, preprocessing
from ml.bundle import FAMILIES, FORMATS, INT8_FILE, PRETRAINED, Bundle, Family, Format
from ml.datasets import MNIST_SHA256, load_mnist
from ml.evaluation import compare_cards, digit_figures_of, evaluate
from ml.runtime import Recogniser
from ml.synthesis import non_digits, styled
from ml.training import DEFAULTS

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
def test_a_shipped_version_was_trained_as_flask_train_does(family: Family) -> None:
    ours, its = asdict(DEFAULTS[family]), dict(shipped(family).card.configuration)
    for one in (ours, its):  # These two differ from machine to machine, and from run to run.
        one.pop("precision", None)
        one.pop("seed")
    assert its == ours


@pytest.mark.parametrize("family", FAMILIES)
def test_the_card_of_a_shipped_version_knows_each_of_its_mistakes(family: Family) -> None:
    card, found = shipped(family).card, evaluate(shipped(family), load_mnist().test)
    assert card.figures["mnist_test"] == pytest.approx(dict(found.figures), abs=1e-6)
    assert card.readings["mnist_test"] == found.readings
    assert digit_figures_of(card) == found.digits


@pytest.mark.parametrize("family", FAMILIES)
def test_the_files_of_a_shipped_version_are_those_that_its_card_names(family: Family) -> None:
    files = shipped(family).card.files
    assert set(files) == set(FORMATS.values())
    assert files == {
        name: hashlib.sha256((PRETRAINED / family / name).read_bytes()).hexdigest()
        for name in files
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("form", FORMATS)
def test_every_form_of_a_shipped_version_answers_as_keras_does(
    family: Family, form: Format
) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    model = export.from_keras(shipped(family).keras)
    assert export.weights_sha256(model) == shipped(family).card.weights_sha256
    export.check(model, form, shipped(family).files[FORMATS[form]])


@pytest.mark.parametrize("family", FAMILIES)
def test_int8_reads_mnist_as_well_but_for_five_in_ten_thousand(family: Family) -> None:
    whole = shipped(family)
    found = evaluate(replace(whole, tflite=whole.exports[INT8_FILE]), load_mnist().test)
    assert whole.card.figures["mnist_test_in_int8"] == pytest.approx(dict(found.figures), abs=1e-3)
    assert found.accuracy >= whole.card.figures["mnist_test"]["accuracy"] - 0.0005


def test_the_shipped_cnn_reads_better_than_the_dnn_beyond_chance() -> None:
    found = compare_cards(shipped("cnn").card, shipped("dnn").card)
    assert found is not None
    assert found.test.lost > found.test.gained
    assert found.test.different < 0.05


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
