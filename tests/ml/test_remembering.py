import numpy as np
import pytest

from ml import remembering, runtime
from ml.datasets import load_mnist
from ml.preprocessing import Ink
from ml.remembering import BLOCK, RememberingRecogniser
from ml.runtime import Recogniser
from tests.ml.tiny import tiny_version


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the number of digits whenever the network reads some."""
    tiny_version()  # Its training reads too, and is remembered.
    counts: list[int] = []
    plain = Recogniser.logits

    def counted(self: Recogniser, images: Ink) -> np.ndarray:
        counts.append(len(images))
        return plain(self, images)

    monkeypatch.setattr(runtime.Recogniser, "logits", counted)
    remembering._memory.cache_clear()
    return counts


def test_it_answers_as_the_plain_one_does() -> None:
    images = load_mnist().test.images[: BLOCK + 3]
    expected = Recogniser(tiny_version()).logits(images)
    for _ in range(2):
        assert np.array_equal(RememberingRecogniser(tiny_version()).logits(images), expected)


def test_the_same_digits_are_read_once_alone_or_among_others(read: list[int]) -> None:
    validation, calibration = load_mnist().validation, load_mnist().calibration
    RememberingRecogniser(tiny_version()).logits(validation.images)
    read.clear()
    joined = calibration.joined(validation)
    RememberingRecogniser(tiny_version()).logits(joined.images)
    assert read == [len(calibration)]


def test_it_does_not_remember_more_than_it_should(
    read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "MAX_BLOCKS", 2)
    images = load_mnist().test.images[: 3 * BLOCK]
    recogniser = RememberingRecogniser(tiny_version())
    recogniser.logits(images)
    read.clear()
    recogniser.logits(images[BLOCK:])
    assert read == []
    recogniser.logits(images[:BLOCK])
    assert read == [BLOCK]
