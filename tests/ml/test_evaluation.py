import numpy as np
import pytest

from ml.datasets import NOT_A_DIGIT, DatasetError, LabelledDigits, load_mnist
from ml.evaluation import assess, evaluate, mcnemar
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
