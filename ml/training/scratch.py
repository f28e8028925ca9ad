"""Training from nothing, on MNIST and what the code makes."""

from collections.abc import Sequence

import keras
import numpy as np

from ml import architectures, synthesis
from ml.bundle import Bundle
from ml.datasets import MNIST_SHA256, DatasetError, Mnist, load_mnist
from ml.training import norms, precision
from ml.training.configs import TrainingConfig
from ml.training.fitting import Batches, Progress, Source, fit, num_batches, tell
from ml.training.sealing import Draft, version

POOL_EPOCHS = 3
"""Drawing takes a thousandth of a second a picture, so that three epochs' worth is made at most;
augmentation makes them new in the others."""

NORM_DIGITS = 5_120
"""Twenty batches, from which batch norm's means and variances are measured at the end."""


def train(
    config: TrainingConfig, progress: Progress | None = None, *, beside: Sequence[Source] = ()
) -> Bundle:
    """Train a version from nothing on MNIST's training split and what the code makes.

    Args:
        config: how to learn.
        progress: told about each step.
        beside: what else to learn from in each epoch.

    Raises:
        UnknownArchitectureError, DatasetError: the configuration or the data are not usable.
        TrainingError: the loss was not a number.
    """
    keras.utils.set_random_seed(config.seed)
    mnist = load_mnist()
    with precision.computing_in(config.precision):
        model = architectures.build(config.architecture, _outputs(config))
    sources = [*_sources(mnist, config, progress), *beside]
    steps = config.epochs * num_batches(sources, config.batch_size)
    batches = Batches(sources, config, model.output_shape[-1])
    history = fit(model, batches, config, steps, mnist.validation, progress)
    model = precision.in_float32(model, config.architecture)
    norms.settle(model, batches.straight(NORM_DIGITS))
    data = {"mnist_sha256": MNIST_SHA256, "train_size": sources[0].count}
    data |= {"synthetic": config.synthetic, "non_digits": config.non_digits}
    draft = Draft(config.family, config.architecture, config, history, data)
    return version(model, draft, mnist)


def _outputs(config: TrainingConfig) -> int:
    if config.non_digits:
        return architectures.DIGITS_AND_OTHER
    return architectures.DIGITS_ONLY


def _sources(mnist: Mnist, config: TrainingConfig, progress: Progress | None) -> list[Source]:
    """Return MNIST and what the code makes, enough to be new in several epochs."""
    generator = np.random.default_rng(config.seed)
    digits = mnist.train.take(slice(config.train_size))
    if not len(digits):
        raise DatasetError("There is no digit to learn from: train_size is 0.")
    pool = min(config.epochs, POOL_EPOCHS)
    styles = synthesis.digits(config.synthetic * pool, generator)
    tell(progress, "drawing", 1, 2)
    others = synthesis.non_digits(digits, config.non_digits * pool, generator)
    tell(progress, "drawing", 2, 2)
    sources = (
        Source(digits, len(digits)),
        Source(styles, config.synthetic),
        Source(others, config.non_digits),
    )
    return [source for source in sources if source.count]
