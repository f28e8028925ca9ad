"""Learning: a new version from MNIST and what the code makes, or a live one from corrections."""

import dataclasses
import importlib.metadata
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt

from ml import architectures, calibration, export, preprocessing, synthesis
from ml.augmentation import Augmentation, augment
from ml.bundle import Bundle, Card, Family, Refusal
from ml.datasets import (
    MNIST_SHA256,
    NOT_A_DIGIT,
    NUM_DIGITS,
    LabelledDigits,
    Labels,
    Mnist,
    load_mnist,
)
from ml.evaluation import evaluate
from ml.runtime import Recogniser, logsumexp, softmax, to_input

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps of it are done, and how many there are."""

Weights = list[npt.NDArray[np.float32]]

PACKAGES = ("ai-edge-litert", "keras", "numpy", "opencv-python-headless", "tensorflow")
MADE_REPEATS = 3
"""A fine-tuning shows each drawn picture so often, augmented anew: drawing must not take longer
than learning."""

CALIBRATION_SEED = 50_001
"""The synthetic digits for calibration; no training draws with this seed."""

POOL_EPOCHS = 3
"""Drawing takes a thousandth of a second a picture, so that three epochs' worth is made at most;
augmentation makes them new in the others."""

ANSWER: Literal["mean", "cnn"] = "mean"
"""Measured on real pens, the mean of both models has two thirds of the cnn's calibration error or
less, and on MNIST and on the pens it is right a little more often."""

PARITY_DIGITS = 200
"""So many digits are answered by Keras and by LiteRT before a version is made."""


class TrainingError(RuntimeError):
    """Training did not come to a usable version; nothing was saved."""


@dataclass(frozen=True)
class TrainingConfig:
    """What decides how a version turns out; all of it goes into its card."""

    family: Family
    architecture: str
    epochs: int
    batch_size: int = 128
    """Small enough to learn much in few epochs, large enough to keep two cores busy."""
    learning_rate: float = 2e-3
    """The highest, reached after a tenth of the steps and left along a cosine to nothing."""
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    """MNIST has some labels that nobody would give; smoothing keeps them from being learned by
    heart. What it does to the confidence, the temperature undoes."""
    train_size: int | None = None
    """How many of MNIST's 50,000 to learn from; None is all."""
    synthetic: int = 15_000
    """Digits by the synthetic writer in each epoch, in styles that MNIST lacks."""
    non_digits: int = 9_000
    """Letters, scribbles and misfits in each epoch, for the eleventh output; 0 leaves it away."""
    distortion: float = 1.0
    """How far pictures are bent, as a multiple of `Augmentation`'s ranges."""
    seed: int = 1


@dataclass(frozen=True)
class FineTuningConfig:
    """How a live version learns from corrections; the same for both families."""

    steps: int = 240
    """With 128 pictures each, this is some 20 s for the cnn on two cores and 4 s for the dnn."""
    batch_size: int = 128
    learning_rate: float = 5e-4
    """A quarter of training's. Smaller ones learned less and forgot as much."""
    blend: float = 0.6
    """How far to go from the live weights to the fine-tuned ones (M. Wortsman et al., "Robust
    fine-tuning of zero-shot models", 2022). In single trials all the way cost up to 0.09 points
    of the MNIST test set, this far between nothing and 0.08, and it mended as much."""
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    lessons_share: float = 0.25
    """The corrections' part of each batch, however many they are; the rest is replay."""
    made_share: float = 0.3
    """What the code draws, half digits and half others, so that neither is forgotten."""
    max_repeats: int = 200
    """A single correction is shown no more often than this, so that few do not fill a quarter."""
    distortion: float = 1.0
    seed: int = 1


DEFAULTS: Mapping[Family, TrainingConfig] = {
    "dnn": TrainingConfig("dnn", "inkling-dnn", epochs=26, distortion=0.8),
    "cnn": TrainingConfig("cnn", "inkling-cnn", epochs=12),
}
"""What the shipped versions were trained with."""

QUICK: Mapping[Family, TrainingConfig] = {
    "dnn": TrainingConfig("dnn", "inkling-dnn", epochs=3, synthetic=3_000, non_digits=3_000),
    "cnn": TrainingConfig("cnn", "inkling-cnn", epochs=1, synthetic=3_000, non_digits=3_000),
}
"""A usable version in a minute, for trying things out."""


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


def train(config: TrainingConfig, progress: Progress | None = None) -> Bundle:
    """Train a version from nothing on MNIST's training split and what the code makes.

    Raises:
        UnknownArchitectureError, DatasetError: the configuration or the data are not usable.
        TrainingError: the loss was not a number.
    """
    keras.utils.set_random_seed(config.seed)
    mnist = load_mnist()
    model = architectures.build(config.architecture, _outputs(config))
    sources = _sources(mnist, config, progress)
    steps = config.epochs * _num_batches(sources, config.batch_size)
    history = _fit(model, sources, config, steps, mnist.validation, progress)
    data = {"mnist_sha256": MNIST_SHA256, "train_size": sources[0].count}
    data |= {"synthetic": config.synthetic, "non_digits": config.non_digits}
    draft = _Draft(config.family, config.architecture, config, history, data)
    return _version(model, draft, mnist)


def fine_tune(
    live: Bundle,
    lessons: LabelledDigits,
    config: FineTuningConfig | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Teach a live version its accepted corrections without unlearning the rest.

    Args:
        live: the version to start from; it is not changed.
        lessons: accepted corrections and confirmations that are not held out.
        config: how to learn.
        progress: told about each step.

    Raises:
        TrainingError: there are no lessons, or the loss was not a number.
    """
    config = config or FineTuningConfig()
    if not len(lessons):
        raise TrainingError("There are no accepted corrections to learn from.")
    keras.utils.set_random_seed(config.seed)
    mnist = load_mnist()
    model = export.from_keras(live.keras)
    before = model.get_weights()
    sources = _replay_and_lessons(mnist, _learnable(lessons, model), live.card, config)
    _tell(progress, "drawing", 2, 2)
    history = _fit(model, sources, config, config.steps, mnist.validation, progress)
    model.set_weights(_blended(before, model.get_weights(), config.blend))
    draft = _Draft(
        live.card.family,
        live.card.architecture,
        config,
        history,
        live.card.data,
        learned_from={"corrections": len(lessons), **_label_counts(lessons)},
    )
    return _version(model, draft, mnist)


def _outputs(config: TrainingConfig) -> int:
    if config.non_digits:
        return architectures.DIGITS_AND_OTHER
    return architectures.DIGITS_ONLY


def _sources(mnist: Mnist, config: TrainingConfig, progress: Progress | None) -> list[Source]:
    """Return MNIST and what the code makes, enough to be new in several epochs."""
    generator = np.random.default_rng(config.seed)
    digits = mnist.train.take(slice(config.train_size))
    pool = min(config.epochs, POOL_EPOCHS)
    styles = synthesis.digits(config.synthetic * pool, generator)
    _tell(progress, "drawing", 1, 2)
    others = synthesis.non_digits(digits, config.non_digits * pool, generator)
    _tell(progress, "drawing", 2, 2)
    sources = (
        Source(digits, len(digits)),
        Source(styles, config.synthetic),
        Source(others, config.non_digits),
    )
    return [source for source in sources if source.count]


def _tell(progress: Progress | None, what: str, done: int, total: int) -> None:
    if progress:
        progress(what, done, total)


def _blended(before: Weights, after: Weights, blend: float) -> Weights:
    pairs = zip(before, after, strict=True)
    return [old + np.float32(blend) * (new - old) for old, new in pairs]


def _learnable(lessons: LabelledDigits, model: keras.Model) -> LabelledDigits:
    """Leave out what is no digit if the network has no output for it."""
    if model.output_shape[-1] > NUM_DIGITS:
        return lessons
    kept = lessons.take(lessons.labels != NOT_A_DIGIT)
    if not len(kept):
        raise TrainingError("All corrections say 'not a digit', and it has no output for that.")
    return kept


def _replay_and_lessons(
    mnist: Mnist, lessons: LabelledDigits, card: Card, config: FineTuningConfig
) -> list[Source]:
    """Mix lessons into replay so that many do not drown the rest and few are not overlearned."""
    shown = config.steps * config.batch_size
    lessons_shown = min(int(shown * config.lessons_share), len(lessons) * config.max_repeats)
    generator = np.random.default_rng(config.seed)
    made = int(shown * config.made_share / 2)
    parts = [synthesis.digits(made // MADE_REPEATS, generator)]
    if card.refusal.method == "eleventh-output":
        parts.append(synthesis.non_digits(mnist.train, made // MADE_REPEATS, generator))
    sources = [Source(lessons, lessons_shown), *(Source(part, made) for part in parts if len(part))]
    replay = shown - sum(source.count for source in sources)
    return [Source(mnist.train, replay), *sources]


def _label_counts(lessons: LabelledDigits) -> dict[str, int]:
    labels, counts = np.unique(lessons.labels, return_counts=True)
    names = ("not a digit" if label == NOT_A_DIGIT else str(label) for label in labels)
    return dict(zip(names, map(int, counts), strict=True))


class _Batches(keras.utils.PyDataset):
    """Augmented batches, each seeded by its place in the training."""

    def __init__(
        self, sources: Sequence[Source], config: TrainingConfig | FineTuningConfig, outputs: int
    ) -> None:
        super().__init__()
        self._sources, self._config, self._outputs = sources, config, outputs
        self._augmentation = Augmentation().times(config.distortion)
        self._epoch = -1
        self.on_epoch_begin()

    def on_epoch_begin(self) -> None:
        """Draw the next epoch's digits and shuffle them."""
        self._epoch += 1
        generator = np.random.default_rng((self._config.seed, self._epoch))
        parts = [source.digits.take(source.draw(generator)) for source in self._sources]
        shown = parts[0].joined(*parts[1:])
        self._shown = shown.take(generator.permutation(len(shown)))

    def __len__(self) -> int:
        return _num_batches(self._sources, self._config.batch_size)

    def __getitem__(self, at: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        size = self._config.batch_size
        batch = self._shown.take(slice(at * size, (at + 1) * size))
        generator = np.random.default_rng((self._config.seed, self._epoch, at))
        pictures = augment(to_input(batch.images), generator, self._augmentation)
        return pictures, _targets(batch.labels, self._outputs, self._config.label_smoothing)


def _num_batches(sources: Sequence[Source], batch_size: int) -> int:
    return math.ceil(sum(source.count for source in sources) / batch_size)


def _targets(labels: Labels, outputs: int, smoothing: float) -> npt.NDArray[np.float32]:
    """Return smoothed one-hot rows; what is no digit is the last output."""
    rows = np.eye(outputs, dtype=np.float32)[labels]
    return rows * np.float32(1 - smoothing) + np.float32(smoothing / outputs)


def _fit(
    model: keras.Model,
    sources: Sequence[Source],
    config: TrainingConfig | FineTuningConfig,
    steps: int,
    validation: LabelledDigits,
    progress: Progress | None,
) -> dict[str, Any]:
    """Train in place and return accuracy and loss by epoch, and the seconds it took."""
    outputs = model.output_shape[-1]
    batches = _Batches(sources, config, outputs)
    model.compile(
        keras.optimizers.AdamW(_schedule(config.learning_rate, steps), config.weight_decay),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    targets = _targets(validation.labels, outputs, 0.0)
    began = time.monotonic()
    history = model.fit(
        batches,
        epochs=steps // len(batches),
        validation_data=(to_input(validation.images), targets),
        validation_batch_size=500,
        callbacks=[_Watch(steps, progress)],
        verbose=0,
    ).history
    rounded = {name: [round(float(value), 5) for value in curve] for name, curve in history.items()}
    return {**rounded, "seconds": round(time.monotonic() - began, 1)}


def _schedule(learning_rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Rise for a tenth of the steps, then fall along a cosine to nothing."""
    rise = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / 10, max(1, steps - rise), warmup_target=learning_rate, warmup_steps=rise
    )


class _Watch(keras.callbacks.Callback):
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
        _tell(self._progress, "training", self._done, self._steps)


@dataclass(frozen=True)
class _Draft:
    """What is known of a version before it was calibrated and evaluated."""

    family: Family
    architecture: str
    config: TrainingConfig | FineTuningConfig
    history: Mapping[str, Any]
    data: Mapping[str, Any]
    learned_from: Mapping[str, int] = dataclasses.field(default_factory=dict)


def _version(model: keras.Model, draft: _Draft, mnist: Mnist) -> Bundle:
    """Export a trained model, calibrate it, evaluate it as it will be served, write its card."""
    tflite = export.checked_tflite(model, mnist.validation.images[:PARITY_DIGITS])
    card = Card(
        family=draft.family,
        architecture=draft.architecture,
        parameters=model.count_params(),
        preprocessing_version=preprocessing.VERSION,
        temperature=1.0,
        refusal=Refusal("energy" if model.output_shape[-1] == NUM_DIGITS else "eleventh-output", 1),
        unsure_below=calibration.UNSURE_BELOW,
        answer=ANSWER,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=draft.config.seed,
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        data=draft.data,
        configuration=dataclasses.asdict(draft.config),
        figures={},
        history=draft.history,
        weights_sha256=export.weights_sha256(model),
        learned_from=draft.learned_from,
    )
    bundle = Bundle.sealed(card, export.to_keras(model), tflite)
    return _with_figures(_calibrated(bundle, mnist.calibration), mnist)


def _calibrated(bundle: Bundle, digits: LabelledDigits) -> Bundle:
    """Fit temperature and refusal threshold on digits that the version did not learn from."""
    recogniser = Recogniser(bundle)
    logits = recogniser.logits(digits.images)
    generator = np.random.default_rng(CALIBRATION_SEED)
    styles = recogniser.logits(synthesis.digits(len(digits), generator).images)
    scores = _refusal_scores(np.concatenate([logits, styles]))
    return _with(
        bundle,
        temperature=calibration.fit_temperature(logits, digits.labels),
        refusal=Refusal(bundle.card.refusal.method, calibration.refusal_threshold(scores)),
    )


def _refusal_scores(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    if logits.shape[1] > NUM_DIGITS:
        return softmax(logits)[:, NUM_DIGITS]
    return -logsumexp(logits)


def _with_figures(bundle: Bundle, mnist: Mnist) -> Bundle:
    recogniser = Recogniser(bundle)
    figures = {
        name: evaluate(recogniser, digits).figures
        for name, digits in (("validation", mnist.validation), ("mnist_test", mnist.test))
    }
    return _with(bundle, figures=figures)


def _with(bundle: Bundle, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, card=dataclasses.replace(bundle.card, **changes))
