"""From logits to a confidence that means something, and to a score above which one refuses."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.datasets import NUM_DIGITS, Labels
from ml.runtime import Floats, softmax

TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 321))
"""Candidates one per cent apart; the likelihood has one optimum and is flat around it."""

ECE_BINS = 15
"""As C. Guo et al. count ("On Calibration of Modern Neural Networks", 2017)."""

UNSURE_BELOW = 0.8
"""A calibrated answer of less confidence is wrong once in three; it keeps its label and is
shown as a question."""

MAX_REFUSED = 0.002
"""Part of the calibration digits that may be refused. Who writes a digit and is refused loses
more than who scribbles and is read."""

MAX_REFUSED_OF_A_DIGIT = 1.5
"""As a multiple of `MAX_REFUSED`. A loose zero is nearer to what is no digit than any seven, and
who writes it so must not pay for all the others."""

Logits = npt.NDArray[np.floating]


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature under which the labels are likeliest.

    Args:
        logits: (n, 10 or 11); only the digits' ten count.
        labels: int64 (n,), 0..9.
    """
    losses = [negative_log_likelihood(logits, labels, temperature) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def negative_log_likelihood(logits: Logits, labels: Labels, temperature: float = 1.0) -> float:
    """Return the mean cross-entropy of softmax(logits / temperature) over the ten digits."""
    probabilities = softmax(logits[:, :NUM_DIGITS] / temperature)
    likelihood = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likelihood, 1e-12)).mean())


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence: their mean confidence, how many are right, 0..1."""

    confidence: float
    accuracy: float
    count: int


def reliability(probabilities: Floats, labels: Labels) -> tuple[Bin, ...]:
    """Sort answers, float64 (n, 10), by confidence into bins; empty bins are left out."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    places = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return tuple(
        Bin(float(confidence[here].mean()), float(right[here].mean()), int(here.sum()))
        for here in (places == place for place in np.unique(places))
    )


def expected_calibration_error(probabilities: Floats, labels: Labels) -> float:
    """Return the mean distance between confidence and accuracy, weighted by bin, 0..1."""
    bins = reliability(probabilities, labels)
    gaps = sum(one.count * abs(one.accuracy - one.confidence) for one in bins)
    return gaps / len(labels)


def refusal_threshold(scores: Floats, labels: Labels, max_refused: float = MAX_REFUSED) -> float:
    """Return the least score above which few digits lie, and of no single digit too many.

    Args:
        scores: float64 (n,), of digits; higher for what is less of a digit.
        labels: int64 (n,), 0..9.
        max_refused: part of the digits that may lie above, 0..1.
    """
    of_a_digit = min(1.0, max_refused * MAX_REFUSED_OF_A_DIGIT)
    thresholds = [_exceeded_by(scores[labels == label], of_a_digit) for label in np.unique(labels)]
    return max(_exceeded_by(scores, max_refused), *thresholds)


def _exceeded_by(scores: Floats, part: float) -> float:
    return float(np.quantile(scores, 1 - part, method="higher"))
