"""Random test digits of MNIST to show how the models read; small enough for a web process."""

from functools import lru_cache

import numpy as np

from ml.datasets import LabelledDigits, load_test

POOL_SIZE = 1_000
"""Digits that a process keeps to choose from, 0.8 MB; the whole test set would be 8."""
POOL_SEED = 28


def random_digits(count: int) -> LabelledDigits:
    """Return random digits that no version ever learned from; others at each call.

    Args:
        count: how many, at most `POOL_SIZE`; none comes twice.

    Raises:
        DatasetError: the file of MNIST is missing or damaged.
    """
    pool = _pool()
    return pool.take(np.random.default_rng().choice(len(pool), count, replace=False))


@lru_cache(maxsize=1)
def _pool() -> LabelledDigits:
    """Read the file and check it once in the life of a process."""
    test = load_test()
    generator = np.random.default_rng(POOL_SEED)
    return test.take(generator.choice(len(test), POOL_SIZE, replace=False))
