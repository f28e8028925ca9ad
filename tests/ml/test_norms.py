import keras
import numpy as np

from ml.training.norms import settle


def with_norm() -> tuple[keras.Model, keras.layers.BatchNormalization]:
    picture = keras.Input((28, 28))
    norm = keras.layers.BatchNormalization(momentum=0.9)
    return keras.Model(picture, norm(keras.layers.Flatten()(picture))), norm


def test_the_averages_are_those_of_all_pictures_alike() -> None:
    pictures = np.random.default_rng(1).random((512, 28, 28), np.float32)
    model, norm = with_norm()
    settle(model, pictures)
    assert np.allclose(norm.moving_mean, pictures.reshape(512, -1).mean(axis=0), atol=1e-5)
    assert np.abs(norm.moving_variance - pictures.reshape(512, -1).var(axis=0)).max() < 1e-2


def test_later_training_goes_on_with_the_momentum_it_had() -> None:
    model, norm = with_norm()
    settle(model, np.zeros((3, 28, 28), np.float32))
    assert norm.momentum == 0.9


def test_without_pictures_or_without_batch_norm_nothing_changes() -> None:
    model, norm = with_norm()
    settle(model, np.zeros((0, 28, 28), np.float32))
    assert not np.any(norm.moving_mean)
    picture = keras.Input((28, 28))
    settle(keras.Model(picture, keras.layers.Flatten()(picture)), np.ones((3, 28, 28), np.float32))
