"""The records and the queries that belong to them."""

from webapp.models.corrections import Correction, Decision, State
from webapp.models.people import Reviewer, SignInLink, Visitor
from webapp.models.submissions import Digit, ModelPrediction, Original, Picture, Submission
from webapp.models.versions import ModelFile, ModelVersion, Promotion

__all__ = [
    "Correction",
    "Decision",
    "Digit",
    "ModelFile",
    "ModelPrediction",
    "ModelVersion",
    "Original",
    "Picture",
    "Promotion",
    "Reviewer",
    "SignInLink",
    "State",
    "Submission",
    "Visitor",
]
