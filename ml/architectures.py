"""The catalogue of networks: those that the field's tutorials publish, and ours.

All take float32 (n, 28, 28) in 0..1 and emit logits, (n, 10) or (n, 11); what turns logits into
probabilities stands in `ml.runtime`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from ml.bundle import Family
from ml.preprocessing import SIDE

Tensor = Any
"""Keras is untyped; this is one of its symbolic tensors."""

DIGITS_ONLY, DIGITS_AND_OTHER = 10, 11
"""Number of outputs: the digits, or the digits and one for whatever is none."""


class UnknownArchitectureError(ValueError):
    """No network of that name is in the catalogue."""


@dataclass(frozen=True)
class Published:
    """How a network is trained where it is published, and what is printed there of MNIST's test.

    Attributes:
        epochs: rounds through nine tenths of the 60,000; the last tenth validates.
        accuracy, precision, recall, f1: 0..1, None where they are not printed.
        loss: mean cross-entropy in nats, None where it is not printed.
        augmented: whether pictures are turned, zoomed and shifted, the learning rate falls on a
            plateau, and the training stops when nothing more is gained.
    """

    epochs: int
    accuracy: float | None = None
    loss: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    augmented: bool = False


@dataclass(frozen=True)
class Architecture:
    """One row of the catalogue.

    Attributes:
        name: `inkling-cnn`, say.
        family: which family it belongs to.
        body: everything between the picture and the last layer.
        published: how and with what figures it is published; None for our own.
    """

    name: str
    family: Family
    body: Callable[[Tensor], Tensor]
    published: Published | None = None


def build(name: str, outputs: int = DIGITS_ONLY) -> keras.Model:
    """Make an untrained network.

    Args:
        name: a row of `CATALOGUE`.
        outputs: 10, or 11 with an output for what is no digit.

    Raises:
        UnknownArchitectureError: the catalogue has no such row; the message lists the rows.
    """
    picture = keras.Input((SIDE, SIDE), name="picture")
    features = find(name).body(picture)
    logits = layers.Dense(outputs, name="logits", dtype="float32")(features)
    return keras.Model(picture, logits, name=_safe(name))


def find(name: str) -> Architecture:
    """Return a row of the catalogue by its name, or raise UnknownArchitectureError."""
    if name not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise UnknownArchitectureError(f"There is no architecture {name!r}; known are {known}.")
    return CATALOGUE[name]


def _safe(name: str) -> str:
    return name.replace("-", "_")


def _dense(*units: int, dropout: tuple[float, ...]) -> Callable[[Tensor], Tensor]:
    """Dense layers with ReLU, each followed by its dropout unless that is 0."""

    def body(x: Tensor) -> Tensor:
        x = layers.Flatten()(x)
        for size, rate in zip(units, dropout, strict=True):
            x = layers.Dense(size, activation="relu")(x)
            x = layers.Dropout(rate)(x) if rate else x
        return x

    return body


def _plain_convolutions(
    *filters: int, pooled: int, units: int, dropout: float
) -> Callable[[Tensor], Tensor]:
    """3×3 convolutions, the first `pooled` of them with a pool, then one dense layer."""

    def body(x: Tensor) -> Tensor:
        x = layers.Reshape((SIDE, SIDE, 1))(x)
        for at, size in enumerate(filters):
            x = layers.Conv2D(size, 3, activation="relu")(x)
            x = layers.MaxPooling2D()(x) if at < pooled else x
        x = layers.Dense(units, activation="relu")(layers.Flatten()(x))
        return layers.Dropout(dropout)(x) if dropout else x

    return body


def _normalised_blocks(x: Tensor) -> Tensor:
    """Three blocks of two same convolutions, batch norm after every layer that has weights."""
    x = layers.Reshape((SIDE, SIDE, 1))(x)
    for filters in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.Flatten()(x)
    for units in (256, 128):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    return x


def _convolution(
    x: Tensor, filters: int, *, padding: str = "same", strides: int = 1, pool: bool = False
) -> Tensor:
    """3×3 convolution, pool if asked for, batch norm, ReLU.

    The norm's offset makes a bias superfluous. Pooling before norm and ReLU gives almost the same
    as after them, for a quarter of their time (K. Jordan, "airbench", 2024).
    """
    x = layers.Conv2D(filters, 3, padding=padding, strides=strides, use_bias=False)(x)
    x = layers.MaxPooling2D()(x) if pool else x
    return layers.ReLU()(layers.BatchNormalization()(x))


def _inkling_cnn(x: Tensor) -> Tensor:
    """Six convolutions in three sizes; the large pictures get few channels, as they cost most."""
    x = layers.Reshape((SIDE, SIDE, 1))(x)
    x = _convolution(x, 16, padding="valid")  # (n, 26, 26, 16)
    x = _convolution(x, 32, padding="valid", pool=True)  # (n, 12, 12, 32)
    x = _convolution(x, 64)  # (n, 12, 12, 64)
    x = _convolution(x, 64, pool=True)  # (n, 6, 6, 64)
    x = _convolution(x, 128)  # (n, 6, 6, 128)
    x = _convolution(x, 128, padding="valid")  # (n, 4, 4, 128)
    return layers.Dropout(0.3)(layers.Flatten()(x))


def _inkling_dnn(x: Tensor) -> Tensor:
    """Three dense layers with batch norm, which lets them learn fast from warped digits."""
    x = layers.Flatten()(x)
    for units in (800, 400, 200):
        x = layers.Dense(units, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


def _residual(x: Tensor) -> Tensor:
    """A small residual network (K. He et al., 2016): three stages of one block each."""
    x = _convolution(layers.Reshape((SIDE, SIDE, 1))(x), 24)
    for filters, strides in ((24, 2), (48, 2), (96, 2)):
        shortcut = layers.Conv2D(filters, 1, strides=strides, use_bias=False)(x)
        x = _convolution(x, filters, strides=strides)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), shortcut]))
    return layers.GlobalAveragePooling2D()(x)


_ROWS = (
    Architecture(
        "dnn-128-64",
        "dnn",
        _dense(128, 64, dropout=(0.2, 0)),
        Published(epochs=10, accuracy=0.978, loss=0.0714),
    ),
    Architecture(
        "mlp-512-256-128",
        "dnn",
        _dense(512, 256, 128, dropout=(0.2, 0.2, 0.2)),
        Published(epochs=20, accuracy=0.98),
    ),
    Architecture(
        "cnn-32-64",
        "cnn",
        _plain_convolutions(32, 64, pooled=2, units=128, dropout=0.5),
        Published(15, accuracy=0.992, loss=0.0255, precision=0.991, recall=0.992, f1=0.992),
    ),
    Architecture(
        "cnn-32-64-no-dropout",
        "cnn",
        _plain_convolutions(32, 64, pooled=2, units=128, dropout=0),
        Published(epochs=10),
    ),
    Architecture(
        "cnn-32-64-64",
        "cnn",
        _plain_convolutions(32, 64, 64, pooled=2, units=64, dropout=0.5),
        Published(epochs=15, accuracy=0.992),
    ),
    Architecture(
        "cnn-bn-32-64-128",
        "cnn",
        _normalised_blocks,
        Published(epochs=20, accuracy=0.9948, augmented=True),
    ),
    Architecture("resnet-24-48-96", "cnn", _residual),
    Architecture("inkling-dnn", "dnn", _inkling_dnn),
    Architecture("inkling-cnn", "cnn", _inkling_cnn),
)

CATALOGUE: Mapping[str, Architecture] = {row.name: row for row in _ROWS}
