"""From accepted corrections to new versions: gather, teach, compare, save, promote.

TensorFlow comes in with `ml.training`, which is imported only while a retraining runs.
"""

import dataclasses
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app

from ml import preprocessing
from ml.bundle import Bundle, Family
from ml.datasets import NOT_A_DIGIT, LabelledDigits, load_mnist
from webapp.db import begin_write, db
from webapp.models import Correction, ModelVersion, Promotion

if TYPE_CHECKING:
    from ml.gate import GateReport
    from ml.training import Progress

LOCK_FILE = "retraining.lock"


class RetrainingError(RuntimeError):
    """No retraining is possible; nothing was changed. The message says what to do."""


@dataclass(frozen=True)
class Lessons:
    """The accepted corrections, split by what may be done with them.

    Attributes:
        taught: what is learned from.
        held_out: what is only judged on, by the hash of the picture.
        num_outdated: pictures of another preprocessing, which are left out.
    """

    taught: LabelledDigits
    held_out: LabelledDigits
    num_outdated: int

    @property
    def counts(self) -> dict[str, int]:
        """What a version's card says that it learned from."""
        return {
            "corrections": len(self.taught) + len(self.held_out),
            "taught": len(self.taught),
            "held_out": len(self.held_out),
            "outdated": self.num_outdated,
        }


@dataclass(frozen=True)
class Candidate:
    """A retrained version of one family and what the gate said of it."""

    family: Family
    bundle: Bundle
    report: "GateReport"
    parent: str


@contextmanager
def only_one() -> Iterator[None]:
    """Keep a second retraining on this machine out; the lock ends with the process that holds it.

    Raises:
        RetrainingError: another one is running.
    """
    path = Path(current_app.instance_path) / LOCK_FILE
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RetrainingError(
                "A retraining is running already. Wait for it to end, then call this once more."
            ) from None
        yield


def gather() -> Lessons:
    """Collect what counts for training.

    Raises:
        RetrainingError: nothing was accepted yet, or all of it is held out or outdated.
    """
    corrections = Correction.lessons()
    current = [
        one for one in corrections if one.digit.preprocessing_version == preprocessing.VERSION
    ]
    lessons = Lessons(
        taught=_labelled([one for one in current if not one.digit.holdout]),
        held_out=_labelled([one for one in current if one.digit.holdout]),
        num_outdated=len(corrections) - len(current),
    )
    if not len(lessons.taught):
        raise RetrainingError(
            f"There is nothing to learn from: {len(corrections)} corrections are accepted, "
            f"{len(lessons.held_out)} of them held out, {lessons.num_outdated} outdated. "
            "Correct some digits and accept them at /review, or run flask corrections import FILE."
        )
    return lessons


def _labelled(corrections: Sequence[Correction]) -> LabelledDigits:
    if not corrections:
        return LabelledDigits.empty()
    labels = [NOT_A_DIGIT if one.label is None else one.label for one in corrections]
    images = np.stack([one.digit.picture.image for one in corrections])
    return LabelledDigits(images, np.array(labels, np.int64))


def live_bundles(promotion: Promotion) -> dict[Family, Bundle]:
    """Load the live versions' files, Keras model included; BundleError if one is damaged."""
    return {family: version.bundle() for family, version in promotion.versions.items()}


def teach(
    family: Family,
    parent: str,
    live: Bundle,
    lessons: Lessons,
    progress: "Progress | None" = None,
) -> Candidate:
    """Fine-tune the live version of a family and let the gate judge the outcome."""
    from ml import gate, plots, training

    learned = training.fine_tune(live, lessons.taught, progress=progress)
    learned = plots.with_plots(learned, load_mnist().test)
    card = dataclasses.replace(
        learned.card, parent=parent, learned_from={**learned.card.learned_from, **lessons.counts}
    )
    bundle = dataclasses.replace(learned, card=card)
    report = gate.compare(live, bundle, accepted=lessons.taught, held_out=lessons.held_out)
    return Candidate(family, bundle, report, parent)


def save(candidates: Sequence[Candidate]) -> dict[Family, ModelVersion]:
    """Save the candidates as versions with what the gate said, and commit."""
    begin_write()
    saved = {
        one.family: ModelVersion.add(
            one.bundle,
            origin="retrain",
            parent=ModelVersion.named(one.parent),
            report=report_json(one.report),
        )
        for one in candidates
    }
    db.session.commit()
    return saved


def promote(passed: Sequence[ModelVersion], *, replacing: int, by: str, reason: str) -> Promotion:
    """Make versions live that passed the gate, and commit.

    Args:
        passed: one version of each family that passed.
        replacing: id of the promotion that they were compared with.
        by: who asked for it.
        reason: why.

    Raises:
        RetrainingError: another version went live since the comparison.
    """
    begin_write()
    current = Promotion.current()
    if current is None or current.id != replacing:
        raise RetrainingError(
            "Other versions went live while this retraining ran, so its comparison says nothing "
            "about them. The new versions are saved; nothing was promoted. Retrain once more."
        )
    promotion = Promotion.promote(passed, by=by, reason=reason)
    db.session.commit()
    return promotion


def report_json(report: "GateReport") -> dict[str, Any]:
    """Return a gate's report as it is stored with the version."""
    return {
        "passed": report.passed,
        "reasons": list(report.reasons),
        "rows": [dataclasses.asdict(row) for row in report.rows],
    }
