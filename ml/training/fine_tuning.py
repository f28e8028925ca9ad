"""Learning from corrections: a live version is taught what people put right.

Four things keep it from forgetting. Most of each batch is replay; on replay the live version's own
answers are what is to be learned (Z. Li and D. Hoiem, "Learning without Forgetting", 2016); the
first convolutions and all batch norms, which any handwriting shares, stay as they are; and it goes
no further from the live weights than MNIST's validation split allows.
"""

import dataclasses
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np
import numpy.typing as npt

from ml import architectures, export, synthesis
from ml.augmentation import Augmentation, Pictures, augment
from ml.bundle import Bundle
from ml.calibration import MAX_REFUSED, TEMPERATURES, negative_log_likelihood
from ml.datasets import (
    NOT_A_DIGIT,
    NUM_DIGITS,
    TRAIN_SIZE,
    LabelledDigits,
    Labels,
    load_mnist,
)
from ml.remembering import RememberingRecogniser
from ml.runtime import Floats, Recogniser, softmax, to_input
from ml.training import precision
from ml.training.configs import DEFAULTS, FineTuningConfig, TrainingConfig
from ml.training.fitting import Progress, Source, TrainingError, fit, smoothed, tell
from ml.training.scratch import train
from ml.training.sealing import Draft, refused_share, version

Targets = npt.NDArray[np.float32]
Weights = list[npt.NDArray[np.float32]]

FROZEN_SHARE = 1 / 3
"""The part of the convolutions that stays as it is: what they see are strokes and corners. In
single trials all of them free mended no more and took longer; two thirds frozen mended less."""

NUM_DRAWERS = 2
"""Threads that bend pictures and ask the live version while the network learns."""

NUM_WATCHED = 2_500
"""Digits of MNIST's validation split that the learning curve is drawn from."""

BLENDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MAX_LOSS_RISE, MAX_MORE_MISTAKES = 0.05, 1
"""One mistake in 5,000 digits may be chance; the likelihood, which moves before a digit is lost,
must agree. The least of the ways is gone in any case: the gate decides then."""

COARSE_TEMPERATURES = TEMPERATURES[::8]
"""Eight per cent apart: a version gets its own temperature afterwards, so that one which is only
surer, or less sure, than the live one has lost nothing."""

LESSONS_BESIDE_MNIST = 0.1
MAX_REPEATS_IN_EPOCH = 50
"""From nothing, so many corrections are shown for each digit of MNIST, and a single one no more
often than this."""


def fine_tune(
    live: Bundle,
    lessons: LabelledDigits,
    config: FineTuningConfig | None = None,
    progress: Progress | None = None,
    *,
    weights: Floats | None = None,
) -> Bundle:
    """Teach a live version its accepted corrections without unlearning the rest.

    Args:
        live: the version to start from; it is not changed.
        lessons: accepted corrections and confirmations that are not held out.
        config: how to learn.
        progress: told about each step.
        weights: float64 (n,), how often each lesson is shown beside the others; None is equally.

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
    learner = _learner(live, before, model.output_shape[-1], config)
    parts = _parts(lessons, weights, model.output_shape[-1], config)
    tell(progress, "drawing", 1, 1)
    watched = mnist.validation.take(slice(NUM_WATCHED))
    with _common_layers_frozen(learner):
        batches = _Batches(parts, live, config)
        history = fit(learner, batches, config, config.steps, watched, progress)
    as_live = _judged(RememberingRecogniser(live).logits(mnist.validation.images), mnist.validation)
    blend = _go_as_far_as_allowed(model, before, learner.get_weights(), mnist.validation, as_live)
    draft = Draft(
        live.card.family,
        live.card.architecture,
        config,
        {**history, "blend": blend},
        live.card.data,
        learned_from={"corrections": len(lessons), **_label_counts(lessons)},
    )
    return version(
        model, draft, mnist, max_refused=max(MAX_REFUSED, refused_share(live, mnist.calibration))
    )


def _learner(live: Bundle, weights: Weights, outputs: int, config: FineTuningConfig) -> keras.Model:
    """Return the live network, computing as the configuration says while it learns.

    Its dropout rests: in so few steps it cost more than it kept from being learned by heart, on
    digits of the same writers and on MNIST (single trials).
    """
    with precision.computing_in(config.precision):
        learner = architectures.build(live.card.architecture, outputs)
    learner.set_weights(weights)
    for layer in learner.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return learner


def _go_as_far_as_allowed(
    model: keras.Model,
    before: Weights,
    after: Weights,
    judged: LabelledDigits,
    live: "_Judgement",
) -> float:
    """Take the model from the live weights towards the learned ones, as far as MNIST allows.

    Between both lie models that keep most of either (M. Wortsman et al., "Robust fine-tuning of
    zero-shot models", 2022). Returns how far it went, 0..1.
    """

    def go(blend: float) -> None:
        pairs = zip(before, after, strict=True)
        model.set_weights([old + np.float32(blend) * (new - old) for old, new in pairs])

    def is_too_far(blend: float) -> bool:
        go(blend)
        return not _judge(model, judged).is_no_worse_than(live)

    blend = BLENDS[bisect_left(BLENDS[1:], True, key=is_too_far)]
    go(blend)
    return blend


@dataclass(frozen=True)
class _Judgement:
    """How a model reads digits that it did not learn from.

    Attributes:
        loss: mean cross-entropy at the temperature that suits the model best, in nats.
        mistakes: how many it reads wrong.
    """

    loss: float
    mistakes: int

    def is_no_worse_than(self, live: "_Judgement") -> bool:
        likely = self.loss <= live.loss * (1 + MAX_LOSS_RISE)
        return likely and self.mistakes <= live.mistakes + MAX_MORE_MISTAKES


def _judge(model: keras.Model, digits: LabelledDigits) -> _Judgement:
    pictures = to_input(digits.images)
    return _judged(np.asarray(model.predict(pictures, batch_size=500, verbose=0)), digits)


def _judged(logits: npt.NDArray[np.float32], digits: LabelledDigits) -> _Judgement:
    losses = [negative_log_likelihood(logits, digits.labels, one) for one in COARSE_TEMPERATURES]
    wrong = logits[:, :NUM_DIGITS].argmax(axis=1) != digits.labels
    return _Judgement(min(losses), int(wrong.sum()))


def learn_anew(
    live: Bundle,
    lessons: LabelledDigits,
    config: TrainingConfig | None = None,
    progress: Progress | None = None,
    *,
    weights: Floats | None = None,
) -> Bundle:
    """Train the live version's network from nothing, with its accepted corrections mixed in.

    What the live version itself had learned wrong is gone then. It takes as long as `train`.

    Args:
        live: the version whose network is trained; it is not changed.
        lessons: accepted corrections and confirmations that are not held out.
        config: how to learn; None is as the shipped version of this family did.
        progress: told about each step.
        weights: float64 (n,), how often each lesson is shown beside the others; None is equally.

    Raises:
        TrainingError: there are no lessons, or the loss was not a number.
    """
    if not len(lessons):
        raise TrainingError("There are no accepted corrections to learn from.")
    family, architecture = live.card.family, live.card.architecture
    config = config or dataclasses.replace(DEFAULTS[family], architecture=architecture)
    generator = np.random.default_rng(config.seed)
    most = len(lessons) * MAX_REPEATS_IN_EPOCH
    count = min(most, int((config.train_size or TRAIN_SIZE) * LESSONS_BESIDE_MNIST))
    chances = np.ones(len(lessons)) if weights is None else weights
    shown = generator.choice(len(lessons), count, p=chances / chances.sum())
    learned = train(config, progress, beside=[Source(lessons.take(shown), count)])
    learned_from = {"corrections": len(lessons), **_label_counts(lessons)}
    card = dataclasses.replace(learned.card, learned_from=learned_from)
    return dataclasses.replace(learned, card=card)


@contextmanager
def _common_layers_frozen(model: keras.Model) -> Iterator[None]:
    """Keep batch norms, and the convolutions that come first, from learning for a while."""
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    frozen = [*convolutions[: int(len(convolutions) * FROZEN_SHARE)], *norms]
    for layer in frozen:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in frozen:
            layer.trainable = True


@dataclass(frozen=True, eq=False)
class _Part:
    """Digits to learn from, how many of them each batch shows, and how likely each of them is."""

    digits: LabelledDigits
    count: int
    chances: Floats | None = None

    def draw(self, generator: np.random.Generator) -> LabelledDigits:
        return self.digits.take(generator.choice(len(self.digits), self.count, p=self.chances))


def _parts(
    lessons: LabelledDigits, weights: Floats | None, outputs: int, config: FineTuningConfig
) -> list[_Part]:
    """Mix lessons into replay so that many do not drown the rest and few are not overlearned."""
    taught = _taught(lessons, weights, outputs, config)
    made = int(config.batch_size * config.made_share / 2)
    styles, others = _drawn(config.made_count, config.seed)
    # A network that cannot refuse learns from digits in its stead.
    parts = [_Part(styles, made), _Part(others if outputs > NUM_DIGITS else styles, made)]
    replayed = config.batch_size - taught.count - sum(part.count for part in parts)
    return [taught, _Part(load_mnist().train, replayed), *parts]


def _taught(
    lessons: LabelledDigits, weights: Floats | None, outputs: int, config: FineTuningConfig
) -> _Part:
    """Leave out what is no digit if the network has no output for it."""
    learnable = (lessons.labels != NOT_A_DIGIT) | (outputs > NUM_DIGITS)
    if not learnable.any():
        raise TrainingError("All corrections say 'not a digit', and it has no output for that.")
    kept = lessons.take(learnable)
    chances = np.ones(len(kept)) if weights is None else weights[learnable]
    most = -(-len(kept) * config.max_repeats // config.steps)
    count = min(int(config.batch_size * config.lessons_share), most)
    return _Part(kept, count, chances / chances.sum())


@lru_cache(maxsize=1)
def _drawn(count: int, seed: int) -> tuple[LabelledDigits, LabelledDigits]:
    """Draw digits, and what is none; both families learn from the same."""
    generator = np.random.default_rng(seed)
    styles = synthesis.digits(count, generator)
    return styles, synthesis.non_digits(load_mnist().train, count, generator)


def _label_counts(lessons: LabelledDigits) -> dict[str, int]:
    labels, counts = np.unique(lessons.labels, return_counts=True)
    names = ("not a digit" if label == NOT_A_DIGIT else str(label) for label in labels)
    return dict(zip(names, map(int, counts), strict=True))


class _Batches(keras.utils.PyDataset):
    """Batches of lessons, then replay, each seeded by its place in the training."""

    def __init__(self, parts: Sequence[_Part], live: Bundle, config: FineTuningConfig) -> None:
        super().__init__(workers=NUM_DRAWERS, max_queue_size=2 * NUM_DRAWERS)
        self._parts, self._config = parts, config
        self._live = Recogniser(live)
        self._augmentation = Augmentation().times(config.distortion)

    def __len__(self) -> int:
        return self._config.steps

    def __getitem__(self, at: int) -> tuple[Pictures, Targets]:
        generator = np.random.default_rng((self._config.seed, at))
        drawn = [part.draw(generator) for part in self._parts]
        batch = drawn[0].joined(*drawn[1:])
        pictures = augment(to_input(batch.images), generator, self._augmentation)
        return pictures, self._targets(pictures, batch.labels, num_lessons=len(drawn[0]))

    def _targets(self, pictures: Pictures, labels: Labels, *, num_lessons: int) -> Targets:
        """Return what to answer: the lessons' labels, and on replay what the live version does.

        Where that reads a digit wrong, the label alone counts. Whether ink is a digit at all is a
        matter of degree, which a label of none does not know.
        """
        logits = self._live.logits(np.rint(pictures[num_lessons:] * 255).astype(np.uint8))
        targets = smoothed(labels, logits.shape[1], self._config.label_smoothing)
        replayed = labels[num_lessons:]
        good = (logits.argmax(axis=1) == replayed) | (replayed == NOT_A_DIGIT)
        keep = (self._config.live_share * good[:, None]).astype(np.float32)
        targets[num_lessons:] = (1 - keep) * targets[num_lessons:] + keep * softmax(logits)
        return targets
