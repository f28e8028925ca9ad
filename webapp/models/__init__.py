"""The records and the queries that belong to them."""

from webapp.models.actions import Action, Kind
from webapp.models.batches import Batch, BatchContent, BatchFile
from webapp.models.corrections import Correction, Decision, State
from webapp.models.digits import Digit, ModelPrediction, Picture
from webapp.models.outcomes import Outcome
from webapp.models.people import Reviewer, SignInLink, Visitor
from webapp.models.queue import Lease
from webapp.models.submissions import Original, Submission
from webapp.models.versions import ModelFile, ModelVersion, Promotion

__all__ = [
    "Action",
    "Batch",
    "BatchContent",
    "BatchFile",
    "Correction",
    "Decision",
    "Digit",
    "Kind",
    "Lease",
    "ModelFile",
    "ModelPrediction",
    "ModelVersion",
    "Original",
    "Outcome",
    "Picture",
    "Promotion",
    "Reviewer",
    "SignInLink",
    "State",
    "Submission",
    "Visitor",
]
