"""A small random search for better settings, judged on the validation split alone."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.bundle import Bundle
from ml.training.configs import TrainingConfig
from ml.training.fitting import Progress, TrainingError
from ml.training.scratch import train


@dataclass(frozen=True)
class Space:
    """Where settings are drawn from, each by itself; a pair is the lowest and the highest value.

    After J. Bergstra and Y. Bengio, "Random Search for Hyper-Parameter Optimization", 2012.
    """

    learning_rate: tuple[float, float] = (5e-4, 5e-3)
    """Drawn by its logarithm, as is the weight decay: what counts is by how many times."""
    weight_decay: tuple[float, float] = (1e-3, 5e-2)
    label_smoothing: tuple[float, float] = (0.0, 0.1)
    distortion: tuple[float, float] = (0.6, 1.4)
    batch_size: tuple[int, ...] = (64, 128, 256)

    def draw(self, base: TrainingConfig, generator: np.random.Generator) -> TrainingConfig:
        """Return settings at random; what the space does not name stays as it is."""
        return dataclasses.replace(
            base,
            learning_rate=_rounded(np.exp(generator.uniform(*np.log(self.learning_rate)))),
            weight_decay=_rounded(np.exp(generator.uniform(*np.log(self.weight_decay)))),
            label_smoothing=_rounded(generator.uniform(*self.label_smoothing)),
            distortion=_rounded(generator.uniform(*self.distortion)),
            batch_size=int(generator.choice(self.batch_size)),
        )


SEARCHED = tuple(one.name for one in dataclasses.fields(Space))
"""The settings that a search varies."""


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Attributes:
        config: what it was trained with.
        bundle: the version that came of it, None if its loss was not a number.
    """

    config: TrainingConfig
    bundle: Bundle | None

    @property
    def loss(self) -> float:
        """Mean cross-entropy on the validation split, infinite where there is no version."""
        return self.bundle.card.figures["validation"]["loss"] if self.bundle else float("inf")

    @property
    def accuracy(self) -> float:
        """Part of the validation split read right, 0 where there is no version."""
        return self.bundle.card.figures["validation"]["accuracy"] if self.bundle else 0.0


def search(
    base: TrainingConfig, count: int, progress: Progress | None = None, space: Space | None = None
) -> list[Trial]:
    """Train with the settings given and with others drawn at random.

    Args:
        base: tried first; what is drawn takes the rest from it, its seed too.
        count: how many trainings, 1 or more.
        progress: told about each step of each training.
        space: where settings are drawn from.

    Returns:
        The trials, the lowest validation loss first.

    Raises:
        TrainingError: not one of them came to a version.
    """
    trials = []
    for number, config in enumerate(_configs(base, count, space or Space()), 1):
        trials.append(_trial(config, _numbered(progress, number, count)))
    trials.sort(key=lambda trial: trial.loss)
    if trials[0].bundle is None:
        raise TrainingError(f"None of {count} trainings came to a version; nothing was saved.")
    return trials


def _configs(base: TrainingConfig, count: int, space: Space) -> Iterator[TrainingConfig]:
    generator = np.random.default_rng(base.seed)
    yield base
    yield from (space.draw(base, generator) for _ in range(count - 1))


def _trial(config: TrainingConfig, progress: Progress) -> Trial:
    """Train once; a loss that is no number ends the trial and not the search."""
    try:
        return Trial(config, train(config, progress))
    except TrainingError:
        return Trial(config, None)


def _numbered(progress: Progress | None, number: int, count: int) -> Progress:
    def report(what: str, done: int, total: int) -> None:
        if progress:
            progress(f"{what}, {number} of {count}", done, total)

    return report


def _rounded(value: float) -> float:
    """Round to three digits, so that a card says exactly what a training used."""
    return float(f"{value:.3g}")
