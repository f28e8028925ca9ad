from functools import lru_cache

import numpy as np

from ml import bundle
from ml.bundle import FAMILIES, PRETRAINED
from ml.datasets import NOT_A_DIGIT, LabelledDigits, load_mnist
from ml.runtime import Recogniser
from ml.suspects import MIN_DIGITS, suspects
from ml.synthesis import styled

NUM_POISONED = 30


@lru_cache(maxsize=1)
def judges() -> list[Recogniser]:
    return [Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES]


def relabelled(digits: LabelledDigits, at: int | slice, label: int) -> LabelledDigits:
    labels = digits.labels.copy()
    labels[at] = label
    return LabelledDigits(digits.images, labels)


def honest(count: int = 200) -> LabelledDigits:
    return load_mnist().gate.take(slice(count))


def test_wrong_labels_among_honest_ones_are_suspected() -> None:
    digits = honest()
    labels = digits.labels.copy()
    labels[:NUM_POISONED] = (labels[:NUM_POISONED] + 3) % 10
    found = suspects(LabelledDigits(digits.images, labels), judges())
    assert len(found) >= 0.9 * NUM_POISONED
    assert {one.index for one in found} <= set(range(NUM_POISONED))
    assert all(one.read == digits.labels[one.index] for one in found)


def test_honest_labels_are_not_suspected() -> None:
    assert suspects(honest(), judges()) == []


def test_a_habit_that_several_corrections_share_is_not_suspected() -> None:
    """Sevens mirrored, say: the models read them wrongly, but they vouch for each other."""
    styles = styled(8, np.random.default_rng(4))
    sevens = next(part for name, part in styles.items() if name.startswith("7 "))
    habit = LabelledDigits(sevens.images[:, ::-1].copy(), sevens.labels)
    assert suspects(honest().joined(habit), judges()) == []


def test_among_few_digits_none_is_suspected() -> None:
    digits = relabelled(honest(MIN_DIGITS), 0, (honest().labels[0] + 1) % 10)
    assert [one.index for one in suspects(digits, judges())] == [0]
    assert suspects(digits.take(slice(MIN_DIGITS - 1)), judges()) == []


def test_a_digit_called_none_is_suspected_where_others_like_it_are_called_by_their_name() -> None:
    sevens = honest(800).take(honest(800).labels == 7)
    called_none = relabelled(sevens, 0, NOT_A_DIGIT)
    assert [one.index for one in suspects(called_none, judges())] == [0]


def test_what_only_looks_like_a_digit_is_not_suspected() -> None:
    digits = honest()
    rings = relabelled(digits, digits.labels == 0, NOT_A_DIGIT)
    assert suspects(rings, judges()) == []
