import numpy as np

from ml.augmentation import Augmentation, augment
from ml.datasets import load_mnist
from ml.runtime import to_input

NONE = Augmentation(
    rotation_degrees=0,
    shear=0,
    scale=0,
    shift_pixels=0,
    elastic_pixels=0,
    thicker=0,
    thinner=0,
    darker=0,
    fainter=0,
)

PICTURES = to_input(load_mnist().train.images[:64])


def test_changed_pictures_keep_shape_type_and_range() -> None:
    changed = augment(PICTURES, np.random.default_rng(1))
    assert changed.shape == PICTURES.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_the_same_generator_changes_pictures_in_the_same_way() -> None:
    first, second = (augment(PICTURES, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, second)


def test_every_picture_is_changed_in_its_own_way() -> None:
    same = np.repeat(PICTURES[:1], 8, axis=0)
    changed = augment(same, np.random.default_rng(1))
    assert len({picture.tobytes() for picture in changed}) == 8


def test_without_any_change_pictures_stay_as_they_are() -> None:
    assert np.allclose(augment(PICTURES, np.random.default_rng(1), NONE), PICTURES, atol=1e-6)


def test_pictures_are_not_mirrored() -> None:
    marked = np.zeros((100, 28, 28), np.float32)
    marked[:, 8:20, 6:9] = 1
    changed = augment(marked, np.random.default_rng(1))
    middles = (changed.sum(axis=1) * np.arange(28)).sum(axis=1) / changed.sum(axis=(1, 2))
    assert middles.max() < 14


def test_the_given_pictures_are_left_alone() -> None:
    before = PICTURES.copy()
    augment(PICTURES, np.random.default_rng(1))
    assert np.array_equal(PICTURES, before)
