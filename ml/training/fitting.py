"""Fitting: augmented batches from several sources, a schedule, and a watch on the loss."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ml.augmentation import Augmentation, augment
from ml.datasets import LabelledDigits, Labels
from ml.runtime import to_input
from ml.training.configs import FineTuningConfig, TrainingConfig

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps of it are done, and how many there are."""


class TrainingError(RuntimeError):
    """Training did not come to a usable version; nothing was saved."""


@dataclass(frozen=True, eq=False)
class Source:
    """Digits to learn from, and how many of them to show in one epoch."""

    digits: LabelledDigits
    count: int

    def draw(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return `count` places in random order, each digit as often as the next, or once more."""
        rounds = math.ceil(self.count / len(self.digits))
        order = [generator.permutation(len(self.digits)) for _ in range(rounds)]
        return np.concatenate(order)[: self.count]


def fit(
    model: keras.Model,
    batches: keras.utils.PyDataset,
    config: TrainingConfig | FineTuningConfig,
    steps: int,
    validation: LabelledDigits,
    progress: Progress | None,
) -> dict[str, Any]:
    """Train in place and return accuracy and loss by epoch, and the seconds it took."""
    model.compile(
        keras.optimizers.AdamW(_schedule(config.learning_rate, steps), config.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    targets = smoothed(validation.labels, model.output_shape[-1], 0.0)
    began = time.monotonic()
    history = model.fit(
        batches,
        epochs=steps // len(batches),
        validation_data=(to_input(validation.images), targets),
        validation_batch_size=500,
        callbacks=[Watch(steps, progress)],
        verbose=0,
    ).history
    rounded = {name: [round(float(value), 5) for value in curve] for name, curve in history.items()}
    return {**rounded, "seconds": round(time.monotonic() - began, 1)}


class Batches(keras.utils.PyDataset):
    """Augmented batches, each seeded by its place in the training."""

    def __init__(self, sources: Sequence[Source], config: TrainingConfig, outputs: int) -> None:
        super().__init__()
        self._sources, self._config, self._outputs = sources, config, outputs
        self._epoch = -1
        self.on_epoch_begin()

    def on_epoch_begin(self) -> None:
        """Draw the next epoch's digits and shuffle them."""
        self._epoch += 1
        self._augmentation = Augmentation().times(self._config.distortion_in(self._epoch))
        generator = np.random.default_rng((self._config.seed, self._epoch))
        parts = [source.digits.take(source.draw(generator)) for source in self._sources]
        shown = parts[0].joined(*parts[1:])
        self._shown = shown.take(generator.permutation(len(shown)))

    def straight(self, count: int) -> npt.NDArray[np.float32]:
        """Return some of the epoch's pictures, float32 (n, 28, 28), as they are."""
        return to_input(self._shown.images[:count])

    def __len__(self) -> int:
        return num_batches(self._sources, self._config.batch_size)

    def __getitem__(self, at: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        size = self._config.batch_size
        batch = self._shown.take(slice(at * size, (at + 1) * size))
        generator = np.random.default_rng((self._config.seed, self._epoch, at))
        pictures = augment(to_input(batch.images), generator, self._augmentation)
        return pictures, smoothed(batch.labels, self._outputs, self._config.label_smoothing)


def num_batches(sources: Sequence[Source], batch_size: int) -> int:
    """Return the batches of one epoch."""
    return math.ceil(sum(source.count for source in sources) / batch_size)


def smoothed(labels: Labels, outputs: int, smoothing: float) -> npt.NDArray[np.float32]:
    """Return smoothed one-hot rows; what is no digit is the last output."""
    rows = np.eye(outputs, dtype=np.float32)[labels]
    return rows * np.float32(1 - smoothing) + np.float32(smoothing / outputs)


def _schedule(learning_rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Rise for a tenth of the steps, then fall along a cosine to nothing."""
    rise = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 10, max(1, steps - rise), warmup_target=learning_rate, warmup_steps=rise
    )


class Watch(keras.callbacks.Callback):
    """Reports each step and stops a training whose loss is no longer a number."""

    def __init__(self, steps: int, progress: Progress | None) -> None:
        super().__init__()
        self._steps, self._progress, self._done = steps, progress, 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Count the step, look at its loss."""
        self._done += 1
        loss = float((logs or {}).get("loss", 0.0))
        if not np.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss} at step {self._done} of {self._steps}. "
                "A lower learning rate usually helps; nothing was saved."
            )
        tell(self._progress, "training", self._done, self._steps)


def tell(progress: Progress | None, what: str, done: int, total: int) -> None:
    """Report progress where somebody listens."""
    if progress:
        progress(what, done, total)
