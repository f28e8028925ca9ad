"""How well a version reads: figures that compare, and the digits it gets wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.bundle import Bundle, Card
from ml.calibration import expected_calibration_error
from ml.datasets import NUM_DIGITS, DatasetError, LabelledDigits, Labels
from ml.runtime import Floats, Recogniser

SIGNIFICANCE = 0.05
"""A difference that chance makes less often than this is called one."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DigitFigures:
    """How one digit is read: precision, recall and F1 are 0..1, NaN-free (0 where undefined)."""

    label: int
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Mistake:
    """One picture read wrongly, by its place in the data set."""

    index: int
    true: int
    read: int
    confidence: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one version made of a set of labelled digits.

    Attributes:
        accuracy: part of the digits read right, 0..1.
        loss: mean cross-entropy of the calibrated probabilities, in nats.
        ece: expected calibration error, 0..1.
        refused: part of the digits whose refusal score is above the card's threshold.
        confusion: int64 (10, 10), true label by label read.
        predictions: int64 (n,), the likeliest label of each.
        confidences: float64 (n,).
        mistakes: those read wrongly, the most confident first.
    """

    accuracy: float
    loss: float
    ece: float
    refused: float
    confusion: Counts
    predictions: Labels
    confidences: Floats
    mistakes: tuple[Mistake, ...]

    @property
    def digits(self) -> tuple[DigitFigures, ...]:
        """Return precision, recall and F1 of each digit."""
        return digit_figures(self.confusion)

    @property
    def figures(self) -> Mapping[str, float]:
        """Return what a card keeps: accuracy, loss, ece, refused, mean precision, recall, F1."""
        means = {
            name: float(np.mean([getattr(digit, name) for digit in self.digits]))
            for name in ("precision", "recall", "f1")
        }
        return {
            "accuracy": self.accuracy,
            "loss": self.loss,
            "ece": self.ece,
            "refused": self.refused,
            **means,
        }

    @property
    def readings(self) -> dict[str, Any]:
        """Return what a card keeps of single digits: the confusions, and each mistake."""
        mistakes = [[one.index, one.true, one.read] for one in self.mistakes]
        return {"confusion": self.confusion.tolist(), "mistakes": sorted(mistakes)}


def evaluate(model: Bundle | Recogniser, digits: LabelledDigits) -> Evaluation:
    """Have a version read labelled digits, through LiteRT as it is served.

    Args:
        model: a version, or one already loaded.
        digits: labels 0..9; what is no digit is left out.

    Raises:
        DatasetError: there is no digit among them.
    """
    recogniser = model if isinstance(model, Recogniser) else Recogniser(model)
    digits = digits.take(digits.labels >= 0)
    if not len(digits):
        raise DatasetError("There is no digit to evaluate on.")
    outputs = recogniser.recognise(digits.images)
    threshold = recogniser.card.refusal.threshold
    return assess(outputs.probabilities, digits.labels, outputs.refusal > threshold)


def assess(probabilities: Floats, labels: Labels, refused: npt.NDArray[np.bool_]) -> Evaluation:
    """Compare probabilities, float64 (n, 10), with true labels 0..9."""
    predictions = probabilities.argmax(axis=1)
    confidences = probabilities.max(axis=1)
    likelihood = probabilities[np.arange(len(labels)), labels]
    return Evaluation(
        accuracy=float((predictions == labels).mean()),
        loss=float(-np.log(np.maximum(likelihood, 1e-12)).mean()),
        ece=expected_calibration_error(probabilities, labels),
        refused=float(refused.mean()),
        confusion=confusion_matrix(labels, predictions),
        predictions=predictions,
        confidences=confidences,
        mistakes=_mistakes(labels, predictions, confidences),
    )


def confusion_matrix(labels: Labels, predictions: Labels) -> Counts:
    """Count true labels (rows) by labels read (columns), int64 (10, 10)."""
    cells = np.bincount(labels * NUM_DIGITS + predictions, minlength=NUM_DIGITS**2)
    return cells.reshape(NUM_DIGITS, NUM_DIGITS)


def digit_figures(confusion: Counts) -> tuple[DigitFigures, ...]:
    """Return precision, recall and F1 of each digit from counts, int64 (10, 10)."""
    return tuple(_digit_figures(confusion, label) for label in range(NUM_DIGITS))


def digit_figures_of(card: Card, name: str = "mnist_test") -> tuple[DigitFigures, ...]:
    """Return a card's precision, recall and F1 of each digit; nothing where it has no readings."""
    if name not in card.readings:
        return ()
    return digit_figures(np.array(card.readings[name]["confusion"], np.int64))


def _digit_figures(confusion: Counts, label: int) -> DigitFigures:
    hits = int(confusion[label, label])
    support, answers = int(confusion[label].sum()), int(confusion[:, label].sum())
    precision = hits / answers if answers else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (support + answers) if support + answers else 0.0
    return DigitFigures(label, precision, recall, f1, support)


def _mistakes(labels: Labels, predictions: Labels, confidences: Floats) -> tuple[Mistake, ...]:
    wrong = np.flatnonzero(predictions != labels)
    order = wrong[np.argsort(-confidences[wrong], kind="stable")]
    return tuple(
        Mistake(int(at), int(labels[at]), int(predictions[at]), float(confidences[at]))
        for at in order
    )


@dataclass(frozen=True)
class PairedTest:
    """Two versions on the same digits: what only one of them reads right.

    Attributes:
        gained: read right by the second alone.
        lost: read right by the first alone.
        worse: one-sided exact p-value of the second being worse (McNemar's test, 1947).
        different: two-sided exact p-value.
    """

    gained: int
    lost: int
    worse: float
    different: float


def mcnemar(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> PairedTest:
    """Test two versions by which of the same digits each reads right, bool (n,)."""
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    worse = _binomial_tail(lost, gained + lost)
    different = min(1.0, 2 * min(worse, _binomial_tail(gained, gained + lost)))
    return PairedTest(gained, lost, worse, different)


@dataclass(frozen=True)
class Disagreement:
    """One digit that two versions read differently, by its place in the data set."""

    index: int
    true: int
    first: int
    second: int


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same digits.

    Attributes:
        size: how many digits both read.
        test: what only one of them reads right, and whether that may be chance.
        both_wrong: digits that neither reads right.
        disagreements: the digits that they read differently, in the set's order.
    """

    size: int
    test: PairedTest
    both_wrong: int
    disagreements: tuple[Disagreement, ...]

    @property
    def by_digit(self) -> tuple[tuple[int, int, int], ...]:
        """Return of each digit how many only the first reads right, only the second, neither."""
        return tuple(self._of_digit(label) for label in range(NUM_DIGITS))

    def _of_digit(self, label: int) -> tuple[int, int, int]:
        own = [one for one in self.disagreements if one.true == label]
        first = sum(one.first == label for one in own)
        second = sum(one.second == label for one in own)
        return first, second, len(own) - first - second


def compare_predictions(first: Evaluation, second: Evaluation) -> Comparison:
    """Compare two versions that read the same digits."""
    return _comparison(_wrong(first.readings), _wrong(second.readings), len(first.predictions))


def compare_cards(first: Card, second: Card, name: str = "mnist_test") -> Comparison | None:
    """Compare two versions by the readings in their cards; None where one has none."""
    if name not in first.readings or name not in second.readings:
        return None
    ours, theirs = first.readings[name], second.readings[name]
    return _comparison(_wrong(ours), _wrong(theirs), int(np.sum(ours["confusion"])))


def _wrong(readings: Mapping[str, Any]) -> "Wrong":
    return {at: (true, read) for at, true, read in readings["mistakes"]}


Wrong = Mapping[int, tuple[int, int]]
"""Place in the set → true label and label read, of what is read wrongly."""


def _comparison(first: Wrong, second: Wrong, size: int) -> Comparison:
    places = sorted(first.keys() | second.keys())
    found = [_side_by_side(at, first.get(at), second.get(at)) for at in places]
    right = [np.array([at not in wrong for at in places], bool) for wrong in (first, second)]
    return Comparison(
        size,
        mcnemar(*right),
        both_wrong=len(first.keys() & second.keys()),
        disagreements=tuple(one for one in found if one.first != one.second),
    )


def _side_by_side(
    at: int, first: tuple[int, int] | None, second: tuple[int, int] | None
) -> Disagreement:
    """Put two answers side by side; None is a right one."""
    true = (first or second or (0, 0))[0]
    return Disagreement(at, true, first[1] if first else true, second[1] if second else true)


def in_words(test: PairedTest, first: str, second: str) -> str:
    """Say what a paired test found.

    >>> in_words(PairedTest(3, 40, 1e-9, 2e-9), "cnn-1", "dnn-1")
    'cnn-1 reads better: chance alone would do as much in less than 0.1 % of cases.'
    >>> in_words(PairedTest(3, 4, 0.5, 1.0), "cnn-1", "dnn-1")
    'Neither reads better for sure: chance alone would do as much in 100.0 % of cases.'
    """
    share = f"{100 * test.different:.1f} %" if test.different >= 0.001 else "less than 0.1 %"
    found = "Neither reads better for sure"
    if test.different < SIGNIFICANCE:
        found = f"{first if test.lost > test.gained else second} reads better"
    return f"{found}: chance alone would do as much in {share} of cases."


def _binomial_tail(at_least: int, tosses: int) -> float:
    """Return the probability of at least so many heads in so many tosses of a fair coin."""
    ways = sum(math.comb(tosses, heads) for heads in range(at_least, tosses + 1))
    return float(ways / 2**tosses)
