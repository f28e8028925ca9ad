"""Random digits of the test set, few enough for a web process."""

import hashlib

import numpy as np
import pytest

from ml import datasets, samples
from ml.datasets import load_test
from ml.preprocessing import picture_hash


def test_random_digits_are_of_the_test_set_and_none_comes_twice():
    known = dict(zip(map(picture_hash, load_test().images), load_test().labels, strict=True))
    digits = samples.random_digits(100)
    hashes = [picture_hash(image) for image in digits.images]

    assert len(set(hashes)) == 100
    assert [known[one] for one in hashes] == digits.labels.tolist()


def test_other_digits_come_at_each_call():
    first, second = samples.random_digits(50), samples.random_digits(50)

    assert not np.array_equal(first.images, second.images)


def test_the_file_is_read_and_checked_once(monkeypatch: pytest.MonkeyPatch):
    samples.random_digits(1)
    monkeypatch.setattr(hashlib, "sha256", None)
    monkeypatch.setattr(datasets, "MNIST_FILE", None)

    assert len(samples.random_digits(12)) == 12


def test_only_the_pool_stays_in_memory():
    pool = samples._pool()

    assert pool.images.base is None
    assert pool.images.nbytes == samples.POOL_SIZE * 784
