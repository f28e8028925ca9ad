from dataclasses import replace

import numpy as np
import pytest

from ml.bundle import Card
from ml.datasets import NOT_A_DIGIT, DatasetError, LabelledDigits, load_mnist
from ml.evaluation import (
    assess,
    compare_cards,
    compare_predictions,
    digit_figures_of,
    evaluate,
    in_words,
    mcnemar,
)
from tests.ml.tiny import tiny_version

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.zeros((4, 10))
PROBABILITIES[[0, 1, 2, 3], [0, 1, 1, 1]] = [0.9, 0.8, 0.7, 0.6]
NONE_REFUSED = np.zeros(4, bool)


def test_figures_can_be_checked_by_hand() -> None:
    found = assess(PROBABILITIES, LABELS, NONE_REFUSED)
    assert found.accuracy == 0.75
    assert found.digits[0].recall == 0.5
    assert found.digits[0].precision == 1.0
    assert found.digits[1].precision == pytest.approx(2 / 3)
    assert found.digits[1].f1 == pytest.approx(0.8)
    assert found.confusion[0, 1] == 1


def test_a_digit_that_never_occurs_has_no_figures_but_no_nan() -> None:
    unseen = assess(PROBABILITIES, LABELS, NONE_REFUSED).digits[5]
    assert (unseen.precision, unseen.recall, unseen.f1, unseen.support) == (0, 0, 0, 0)


def test_the_most_confident_mistake_comes_first() -> None:
    labels = np.array([1, 2, 1, 2])
    mistakes = assess(PROBABILITIES, labels, NONE_REFUSED).mistakes
    assert [mistake.index for mistake in mistakes] == [0, 1, 3]
    assert (mistakes[0].true, mistakes[0].read, mistakes[0].confidence) == (1, 0, 0.9)


def test_a_version_is_read_through_litert_as_it_is_served() -> None:
    bundle = tiny_version()
    found = evaluate(bundle, load_mnist().test)
    assert found.figures == pytest.approx(dict(bundle.card.figures["mnist_test"]))


def test_what_is_no_digit_is_not_counted() -> None:
    nothing = LabelledDigits(np.zeros((2, 28, 28), np.uint8), np.full(2, NOT_A_DIGIT))
    with pytest.raises(DatasetError, match="no digit"):
        evaluate(tiny_version(), nothing)


def test_mcnemar_counts_only_what_one_of_both_reads() -> None:
    before = np.array([True] * 10 + [False] * 10)
    after = np.array([True] * 5 + [False] * 5 + [False] * 9 + [True])
    test = mcnemar(before, after)
    assert (test.gained, test.lost) == (1, 5)
    assert test.worse == pytest.approx(7 / 64)
    assert test.different == pytest.approx(14 / 64)


def test_two_versions_that_read_alike_are_not_different() -> None:
    same = np.array([True, False, True])
    assert mcnemar(same, same).different == 1


def read_as(*labels: int) -> np.ndarray:
    """Return probabilities of somebody sure of these labels."""
    return np.eye(10)[list(labels)]


FIRST = assess(read_as(0, 0, 1, 2), LABELS, NONE_REFUSED)  # wrong: the fourth
SECOND = assess(read_as(0, 3, 1, 7), LABELS, NONE_REFUSED)  # and the second


def test_two_versions_are_compared_by_what_each_reads_wrongly() -> None:
    found = compare_predictions(FIRST, SECOND)
    assert (found.size, found.both_wrong) == (4, 1)
    assert (found.test.lost, found.test.gained) == (1, 0)
    assert [(one.index, one.true, one.first, one.second) for one in found.disagreements] == [
        (1, 0, 0, 3),
        (3, 1, 2, 7),
    ]
    assert found.by_digit[:2] == ((1, 0, 0), (0, 0, 1))


def test_cards_say_the_same_as_the_readings_they_were_made_of(card: Card) -> None:
    cards = [replace(card, readings={"mnist_test": one.readings}) for one in (FIRST, SECOND)]
    again = [Card.from_json(one.to_json()) for one in cards]
    assert compare_cards(*again) == compare_predictions(FIRST, SECOND)
    assert digit_figures_of(again[0]) == FIRST.digits


def test_cards_of_before_say_nothing(card: Card) -> None:
    known = replace(card, readings={"mnist_test": FIRST.readings})
    assert compare_cards(card, known) is compare_cards(known, card) is None
    assert digit_figures_of(card) == ()


def test_a_comparison_is_told_in_words() -> None:
    many = np.arange(100) < 90
    fewer = np.arange(100) < 70
    assert in_words(mcnemar(many, fewer), "cnn-1", "dnn-1").startswith("cnn-1 reads better")
    assert in_words(mcnemar(fewer, many), "cnn-1", "dnn-1").startswith("dnn-1 reads better")
    assert "Neither" in in_words(mcnemar(many, many), "cnn-1", "dnn-1")
