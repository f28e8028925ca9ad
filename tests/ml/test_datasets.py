from pathlib import Path

import numpy as np
import pytest

from ml.datasets import (
    MNIST_FILE,
    NOT_A_DIGIT,
    DatasetError,
    LabelledDigits,
    load_mnist,
    load_test,
    published_split,
)
from ml.preprocessing import picture_hash

GATE_BEGINS = [7, 6, 0, 0, 6, 0, 0, 5, 4, 4]
TRAIN_BEGINS = [4, 9, 7, 2, 4, 2, 3, 5, 7, 3]


def test_the_splits_have_the_sizes_of_the_contract() -> None:
    mnist = load_mnist()
    parts = (mnist.train, mnist.validation, mnist.calibration, mnist.gate, mnist.test)
    assert [len(part) for part in parts] == [50_000, 5_000, 2_500, 2_500, 10_000]


def test_the_splits_are_disjoint_and_together_the_published_60000() -> None:
    mnist = load_mnist()
    dealt = mnist.train.joined(mnist.validation, mnist.calibration, mnist.gate)
    published, _ = published_split()
    assert sorted(map(picture_hash, dealt.images)) == sorted(map(picture_hash, published.images))


def test_the_order_of_the_splits_never_changes() -> None:
    mnist = load_mnist()
    assert mnist.gate.labels[:10].tolist() == GATE_BEGINS
    assert mnist.train.labels[:10].tolist() == TRAIN_BEGINS


def test_the_test_set_keeps_its_published_order() -> None:
    assert load_mnist().test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_the_test_set_can_be_loaded_alone() -> None:
    alone, test = load_test(), load_mnist().test
    assert (alone.images == test.images).all()
    assert (alone.labels == test.labels).all()


def test_a_damaged_file_is_named_with_the_way_to_restore_it(tmp_path: Path) -> None:
    damaged = tmp_path / "mnist.npz"
    damaged.write_bytes(MNIST_FILE.read_bytes()[:-1] + b"?")
    with pytest.raises(DatasetError, match=r"damaged.*git checkout"):
        load_mnist(damaged)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        load_mnist(tmp_path / "nothing.npz")


def test_pictures_and_labels_must_fit_together() -> None:
    with pytest.raises(DatasetError, match="2 pictures"):
        LabelledDigits(np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.int64))
    with pytest.raises(DatasetError, match="uint8"):
        LabelledDigits(np.zeros((2, 28, 28), np.uint16), np.zeros(2, np.int64))  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="0 to 9"):
        LabelledDigits(np.zeros((1, 28, 28), np.uint8), np.array([10]))


def test_what_is_no_digit_may_be_labelled_so() -> None:
    digits = LabelledDigits(np.zeros((1, 28, 28), np.uint8), np.array([NOT_A_DIGIT]))
    assert len(digits.joined(LabelledDigits.empty())) == 1
