"""Both models' outputs to an answer: label, confidence, unsure, refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.bundle import FAMILIES, Card, Family
from ml.preprocessing import Ink
from ml.runtime import Floats, Outputs, Recogniser

NOT_A_DIGIT: Literal["not-a-digit"] = "not-a-digit"
NUM_ALTERNATIVES = 3
REFUSED_MARK = "?"
"""Stands in a reading where a digit was refused."""


@dataclass(frozen=True)
class ModelAnswer:
    """What one model says about one digit; its ten probabilities sum to 1."""

    label: int
    confidence: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Alternative:
    """A label and how likely it is, 0..1."""

    label: int
    confidence: float


@dataclass(frozen=True)
class DigitAnswer:
    """What both models together say about one digit.

    Attributes:
        label: 0..9, or None when refused.
        confidence: probability of the likeliest label, 0..1, also when refused.
        unsure: the label stands but wants a look: little confidence, or the models disagree.
        refused: `not-a-digit`, or None.
        alternatives: the three likeliest labels, likeliest first.
        models: each family's own answer.
    """

    label: int | None
    confidence: float
    unsure: bool
    refused: Literal["not-a-digit"] | None
    alternatives: tuple[Alternative, ...]
    models: Mapping[Family, ModelAnswer]


def read_digits(images: Ink, recognisers: Mapping[Family, Recogniser]) -> list[DigitAnswer]:
    """Ask both models about prepared digits, uint8 (n, 28, 28)."""
    if not len(images):
        return []
    outputs = {family: recognisers[family].recognise(images) for family in FAMILIES}
    return [_answer(at, outputs, recognisers["cnn"]) for at in range(len(images))]


def judge(recognisers: Mapping[Family, Recogniser]) -> Callable[[Ink], Floats]:
    """Return what tells the segmentation how much a prepared picture looks like a digit.

    It takes uint8 (n, 28, 28) and gives float64 (n, 11), rows that sum to 1: the calibrated
    probabilities of the ten digits and, last, of being none.
    """

    def judged(images: Ink) -> Floats:
        outputs = {family: recognisers[family].recognise(images) for family in FAMILIES}
        digits = np.mean([output.probabilities for output in outputs.values()], axis=0)
        none = np.mean([_none(outputs[one], recognisers[one].card) for one in FAMILIES], axis=0)
        return np.column_stack([digits * (1 - none[:, None]), none])

    return judged


def _none(outputs: Outputs, card: Card) -> Floats:
    """Return the probability of being no digit; an energy is compared to its threshold."""
    if card.refusal.method == "eleventh-output":
        return outputs.refusal
    return np.asarray(1 / (1 + np.exp(np.clip(card.refusal.threshold - outputs.refusal, -50, 50))))


def _answer(at: int, outputs: Mapping[Family, Outputs], judge: Recogniser) -> DigitAnswer:
    models = {family: _model_answer(outputs[family].probabilities[at]) for family in FAMILIES}
    joint = _joint(at, outputs, judge.card.answer)
    order = np.argsort(-joint, kind="stable")[:NUM_ALTERNATIVES]
    best = Alternative(int(order[0]), float(joint[order[0]]))
    refused = outputs["cnn"].refusal[at] > judge.card.refusal.threshold
    disagree = models["cnn"].label != models["dnn"].label
    return DigitAnswer(
        label=None if refused else best.label,
        confidence=best.confidence,
        unsure=not refused and (disagree or best.confidence < judge.card.unsure_below),
        refused=NOT_A_DIGIT if refused else None,
        alternatives=tuple(Alternative(int(label), float(joint[label])) for label in order),
        models=models,
    )


def _joint(at: int, outputs: Mapping[Family, Outputs], answer: str) -> Floats:
    if answer == "cnn":
        return np.asarray(outputs["cnn"].probabilities[at])
    return np.asarray(np.mean([outputs[family].probabilities[at] for family in FAMILIES], axis=0))


def _model_answer(probabilities: Floats) -> ModelAnswer:
    label = int(probabilities.argmax())
    return ModelAnswer(label, float(probabilities[label]), tuple(map(float, probabilities)))
