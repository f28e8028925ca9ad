"""Records to the JSON shapes of the API."""

from typing import Any

from webapp.models import Correction, Digit, ModelPrediction, Submission

BLANK: dict[str, Any] = {"id": None, "reading": "", "refused": "blank", "digits": []}
"""The answer where nothing was drawn; it is never saved."""


def prediction(submission: Submission) -> dict[str, Any]:
    """Return a submission; ids are None where it was not saved."""
    return {
        "id": submission.id,
        "reading": submission.reading,
        "refused": None,
        "digits": [digit(one) for one in submission.digits],
    }


def digit(record: Digit) -> dict[str, Any]:
    """Return one digit with what both models said of it."""
    return {
        "id": record.id,
        "position": record.position,
        "line": record.line,
        "box": record.box,
        "label": record.label,
        "confidence": record.confidence,
        "unsure": record.unsure,
        "refused": record.refused,
        "alternatives": [
            {"label": label, "confidence": confidence} for label, confidence in record.alternatives
        ],
        "correction": correction(record.correction) if record.correction else None,
        "models": {family: _model(one) for family, one in record.models.items()},
    }


def correction(record: Correction) -> dict[str, Any]:
    """Return a correction."""
    return {
        "id": record.id,
        "digit": record.digit_id,
        "label": record.label,
        "state": record.state,
    }


def _model(record: ModelPrediction) -> dict[str, Any]:
    return {
        "version": record.version_name,
        "label": record.label,
        "confidence": record.confidence,
        "probabilities": list(record.probabilities),
    }
