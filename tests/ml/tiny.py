"""Tiny real versions, trained in a few seconds once for all tests that need one."""

from functools import lru_cache

from ml.bundle import Bundle
from ml.training import TrainingConfig, train

TINY = TrainingConfig(
    "dnn", "dnn-128-64", epochs=2, train_size=5_000, synthetic=500, non_digits=500
)


@lru_cache(maxsize=1)
def tiny_version() -> Bundle:
    """Return a small dense network that reads nine digits in ten."""
    return train(TINY)
