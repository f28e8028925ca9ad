"""MNIST from the repository's own file, in five fixed and disjoint splits.

Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten digits".
"""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.preprocessing import SIDE, Ink

Labels = npt.NDArray[np.int64]

NUM_DIGITS = 10
NOT_A_DIGIT = -1
"""The label of a picture that shows no digit; networks have it as their eleventh output."""

MNIST_FILE = Path(__file__).parent / "data" / "mnist.npz"
MNIST_SHA256 = "06af5dfe73b70e3bc1c36439982b18a8d76803db9b544f6fdf838a37fbb01b64"

TRAIN_SIZE, VALIDATION_SIZE, CALIBRATION_SIZE, GATE_SIZE = 50_000, 5_000, 2_500, 2_500

SPLIT_SEED = 1998
"""Seeds the one order in which the 60,000 are dealt out. `RandomState` is used since numpy
promises never to change its stream (NEP 19); another order would put digits that the shipped
versions learned from into the splits that judge them."""


class DatasetError(ValueError):
    """A data set is missing, damaged or empty."""


@dataclass(frozen=True, eq=False)
class LabelledDigits:
    """Prepared pictures and what they show.

    Attributes:
        images: uint8 (n, 28, 28), 0 paper and 255 ink.
        labels: int64 (n,), 0..9, or `NOT_A_DIGIT`.
    """

    images: Ink
    labels: Labels

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together."""
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (SIDE, SIDE):
            shape = f"{self.images.dtype} {self.images.shape}"
            raise DatasetError(f"Expected pictures uint8 (n, 28, 28), got {shape}.")
        if self.labels.shape != (len(self.images),):
            raise DatasetError(f"{len(self.images)} pictures but labels {self.labels.shape}.")
        if len(self.labels) and not NOT_A_DIGIT <= self.labels.min() <= self.labels.max() <= 9:
            raise DatasetError("Labels must be 0 to 9, or -1 for what is no digit.")

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def take(
        self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice
    ) -> "LabelledDigits":
        """Return those that a numpy index or mask chooses."""
        return LabelledDigits(self.images[index], self.labels[index])

    def joined(self, *others: "LabelledDigits") -> "LabelledDigits":
        """Return these followed by the others."""
        parts = (self, *others)
        images = np.concatenate([part.images for part in parts])
        return LabelledDigits(images, np.concatenate([part.labels for part in parts]))

    @classmethod
    def empty(cls) -> "LabelledDigits":
        """Return no digits at all."""
        return cls(np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Mnist:
    """The five splits. Only `train` is learned from and `test` is read only to report."""

    train: LabelledDigits
    validation: LabelledDigits
    calibration: LabelledDigits
    gate: LabelledDigits
    test: LabelledDigits


@lru_cache(maxsize=1)
def load_mnist(file: Path = MNIST_FILE) -> Mnist:
    """Load MNIST and deal it out: 50,000, 5,000, 2,500, 2,500 and the test set's 10,000.

    Raises:
        DatasetError: the file is missing, or is not the one that is known by its SHA-256.
    """
    with np.load(io.BytesIO(_checked(file)), allow_pickle=False) as arrays:
        full = LabelledDigits(arrays["x_train"], arrays["y_train"].astype(np.int64))
        test = LabelledDigits(arrays["x_test"], arrays["y_test"].astype(np.int64))
    order = np.random.RandomState(SPLIT_SEED).permutation(len(full))
    ends = accumulate((TRAIN_SIZE, VALIDATION_SIZE, CALIBRATION_SIZE, GATE_SIZE), initial=0)
    train, validation, calibration, gate = (full.take(order[a:b]) for a, b in pairwise(ends))
    return Mnist(train, validation, calibration, gate, test)


def load_test(file: Path = MNIST_FILE) -> LabelledDigits:
    """Load the test set alone: 8 MB instead of the 55 that all of MNIST takes.

    Raises:
        DatasetError: as `load_mnist` does.
    """
    with np.load(io.BytesIO(_checked(file)), allow_pickle=False) as arrays:
        return LabelledDigits(arrays["x_test"], arrays["y_test"].astype(np.int64))


def published_split(file: Path = MNIST_FILE) -> tuple[LabelledDigits, LabelledDigits]:
    """Return the 60,000 in their published order and the test set, to reproduce papers' figures."""
    with np.load(io.BytesIO(_checked(file)), allow_pickle=False) as arrays:
        full = LabelledDigits(arrays["x_train"], arrays["y_train"].astype(np.int64))
        return full, LabelledDigits(arrays["x_test"], arrays["y_test"].astype(np.int64))


def _checked(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DatasetError(f"MNIST cannot be read: {error}. It belongs at {MNIST_FILE}.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != MNIST_SHA256:
        raise DatasetError(
            f"{file} is damaged: its SHA-256 is {found[:12]}…, expected {MNIST_SHA256[:12]}…. "
            "Restore it with `git checkout -- ml/data/mnist.npz`."
        )
    return content
