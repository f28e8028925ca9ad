"""From a fitted network to a version: exported, calibrated, evaluated as it will be served."""

import dataclasses
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt

from ml import calibration, export, preprocessing, synthesis
from ml.bundle import Bundle, Card, Family, Refusal
from ml.datasets import NUM_DIGITS, LabelledDigits, Mnist
from ml.evaluation import evaluate
from ml.remembering import RememberingRecogniser
from ml.runtime import logsumexp, softmax
from ml.training.configs import FineTuningConfig, TrainingConfig

PACKAGES = ("ai-edge-litert", "keras", "numpy", "opencv-python-headless", "tensorflow")

CALIBRATION_SEED = 50_001
"""The synthetic digits for calibration; no training draws with this seed."""

ANSWER: Literal["mean", "cnn"] = "mean"
"""Measured on real pens, the mean of both models has two thirds of the cnn's calibration error or
less, and on MNIST and on the pens it is right a little more often."""


@dataclass(frozen=True)
class Draft:
    """What is known of a version before it was calibrated and evaluated."""

    family: Family
    architecture: str
    config: TrainingConfig | FineTuningConfig
    history: Mapping[str, Any]
    data: Mapping[str, Any]
    learned_from: Mapping[str, int] = dataclasses.field(default_factory=dict)


def version(
    model: keras.Model,
    draft: Draft,
    mnist: Mnist,
    *,
    max_refused: float = calibration.MAX_REFUSED,
) -> Bundle:
    """Export a trained model, calibrate it, evaluate it as it will be served, write its card.

    Args:
        model: trained.
        draft: what is known of it.
        mnist: to calibrate and to evaluate on.
        max_refused: part of the calibration digits that may be refused, 0..1.
    """
    tflite = export.checked(model, "litert")
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
    return _with_figures(_calibrated(bundle, mnist.calibration, max_refused), mnist)


def _calibrated(bundle: Bundle, digits: LabelledDigits, max_refused: float) -> Bundle:
    """Fit temperature and refusal threshold on digits that the version did not learn from."""
    recogniser = RememberingRecogniser(bundle)
    logits = recogniser.logits(digits.images)
    styles = _styles(len(digits))
    scores = _refusal_scores(np.concatenate([logits, recogniser.logits(styles.images)]))
    labels = np.concatenate([digits.labels, styles.labels])
    threshold = calibration.refusal_threshold(scores, labels, max_refused)
    return _with(
        bundle,
        temperature=calibration.fit_temperature(logits, digits.labels),
        refusal=Refusal(bundle.card.refusal.method, threshold),
    )


def refused_share(live: Bundle, digits: LabelledDigits) -> float:
    """Return the part of the calibration digits that a version refuses, 0..1."""
    images = digits.joined(_styles(len(digits))).images
    recogniser = RememberingRecogniser(live)
    return float((recogniser.recognise(images).refusal > live.card.refusal.threshold).mean())


@lru_cache(maxsize=1)
def _styles(count: int) -> LabelledDigits:
    """Draw the digits of the synthetic writer once for both families."""
    return synthesis.digits(count, np.random.default_rng(CALIBRATION_SEED))


def _refusal_scores(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    if logits.shape[1] > NUM_DIGITS:
        return softmax(logits)[:, NUM_DIGITS]
    return -logsumexp(logits)


def _with_figures(bundle: Bundle, mnist: Mnist) -> Bundle:
    recogniser = RememberingRecogniser(bundle)
    figures = {
        name: evaluate(recogniser, digits).figures
        for name, digits in (("validation", mnist.validation), ("mnist_test", mnist.test))
    }
    return _with(bundle, figures=figures)


def _with(bundle: Bundle, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, card=dataclasses.replace(bundle.card, **changes))
