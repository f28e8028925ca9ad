"""LiteRT answers; temperature and softmax turn logits into probabilities."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml import runtime
from ml.bundle import Bundle, BundleError, Card, Refusal
from ml.preprocessing import Ink
from ml.runtime import Recogniser

MakeBundle = Callable[..., Bundle]


def lit(*labels: int) -> Ink:
    """Return one picture for each label, in which pixel `label` of the first row is white."""
    pictures = np.zeros((len(labels), 28, 28), np.uint8)
    for at, label in enumerate(labels):
        pictures[at, 0, label] = 255
    return pictures


@pytest.fixture(scope="module")
def recogniser(make_bundle: MakeBundle) -> Recogniser:
    return Recogniser(make_bundle(gain=2.0))


def test_grey_levels_are_scaled_to_0_to_1_in_one_place():
    scaled = runtime.to_input(np.array([[[0, 51, 255]]], np.uint8))
    assert scaled.dtype == np.float32
    assert scaled.ravel().tolist() == pytest.approx([0, 0.2, 1])


def test_softmax_of_one_hot_logits_is_e_over_e_plus_nine():
    probabilities = runtime.softmax(np.eye(10)[:1])
    assert probabilities[0, 0] == pytest.approx(math.e / (math.e + 9))
    assert probabilities[0, 1] == pytest.approx(1 / (math.e + 9))


@given(arrays.arrays(np.float32, (3, 10), elements=st.floats(-1e6, 1e6, width=32)))
def test_softmax_sums_to_one_whatever_the_logits(logits: np.ndarray):
    probabilities = runtime.softmax(logits)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_logsumexp_of_equal_logits_adds_the_logarithm_of_their_number():
    assert runtime.logsumexp(np.full((1, 10), 1e4)) == pytest.approx(1e4 + math.log(10))


def test_a_higher_temperature_makes_less_confident(card: Card):
    logits = np.array([[3.0] + [0.0] * 9])
    cold = runtime.outputs(logits, card).probabilities[0, 0]
    warm = runtime.outputs(logits, replace(card, temperature=3.0)).probabilities[0, 0]
    assert cold == pytest.approx(math.exp(3) / (math.exp(3) + 9))
    assert warm == pytest.approx(math.e / (math.e + 9))


def test_energy_is_minus_logsumexp_of_the_ten_logits(card: Card):
    assert runtime.outputs(np.zeros((1, 10)), card).refusal[0] == pytest.approx(-math.log(10))


def test_the_eleventh_output_is_the_score_and_no_part_of_the_ten(card: Card):
    eleven = replace(card, refusal=Refusal("eleventh-output", 0.5))
    logits = np.array([[0.0] * 10 + [math.log(10)]])
    said = runtime.outputs(logits, eleven)
    assert said.refusal[0] == pytest.approx(0.5)
    assert said.probabilities[0].tolist() == pytest.approx([0.1] * 10)


def test_logits_are_those_of_the_keras_model(recogniser: Recogniser):
    assert recogniser.logits(lit(3, 7)).tolist() == (2 * np.eye(10)[[3, 7]]).tolist()


def test_a_model_with_eleven_outputs_is_read_too(make_bundle: MakeBundle):
    eleven = make_bundle(outputs=11, refusal=Refusal("eleventh-output", 0.5))
    said = Recogniser(eleven).recognise(lit(10))
    assert said.refusal[0] == pytest.approx(math.e / (math.e + 10))
    assert said.probabilities.shape == (1, 10)


@pytest.mark.parametrize("number", [0, 1, 2, 255, 256, 257, 600])
def test_any_number_of_digits_is_read_in_order(recogniser: Recogniser, number: int):
    labels = [at % 10 for at in range(number)]
    logits = recogniser.logits(lit(*labels))
    assert logits.shape == (number, 10)
    assert logits.argmax(axis=1).tolist() == labels if number else True


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((1, 28, 28), np.float32),
        np.zeros((28, 28), np.uint8),
        np.zeros((1, 28, 28, 1), np.uint8),
        np.zeros((2, 20, 20), np.uint8),
        np.zeros((1, 56, 14), np.uint8),
    ],
)
def test_other_arrays_are_refused(recogniser: Recogniser, pictures: np.ndarray):
    with pytest.raises(ValueError, match=r"Expected uint8 \(n, 28, 28\), got"):
        recogniser.logits(pictures)


def test_eight_threads_may_share_one_recogniser(recogniser: Recogniser):
    def ask(seed: int) -> bool:
        labels = [(seed * 7 + at) % 10 for at in range(1 + seed % 3)]
        return recogniser.logits(lit(*labels)).argmax(axis=1).tolist() == labels

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))


def test_a_file_that_litert_cannot_run_is_told_at_once(make_bundle: MakeBundle):
    sound = make_bundle()
    for broken in (b"", b"not a model", sound.tflite[:200]):
        with pytest.raises(BundleError, match="LiteRT cannot run this cnn"):
            Recogniser(Bundle.sealed(sound.card, sound.keras, broken))
