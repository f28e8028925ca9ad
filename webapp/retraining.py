"""From accepted corrections to new versions: gather, teach, compare, save, promote.

TensorFlow comes in with `ml.training`, which is imported only while a retraining runs.
"""

import dataclasses
import fcntl
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from ml import bundle, preprocessing, suspects
from ml.bundle import FAMILIES, PRETRAINED, Bundle, Family
from ml.datasets import NOT_A_DIGIT, LabelledDigits
from ml.preprocessing import Ink
from ml.quiet import silent_stderr
from ml.runtime import Floats, Recogniser
from webapp import edits
from webapp.db import begin_write, db
from webapp.models import Correction, Decision, Digit, ModelVersion, Promotion, State

if TYPE_CHECKING:
    from ml.gate import GateReport
    from ml.training import Progress

LOCK_FILE = "retraining.lock"
ADVISORY_LOCK = 0x1A4B1179
"""PostgreSQL names such locks by a number; this one is the retraining's."""
RUNNING = "A retraining is running already. Wait for it to end, then call this once more."


class RetrainingError(RuntimeError):
    """No retraining is possible; nothing was changed. The message says what to do."""


@dataclass(frozen=True)
class SuspectLabel:
    """An accepted correction that is probably wrong.

    Attributes:
        digit_id: whose digit.
        said: 0..9, or None for "not a digit".
        read: what models say that never learned from it.
        confidence: how sure they are, 0..1.
    """

    digit_id: str
    said: int | None
    read: int
    confidence: float


@dataclass(frozen=True)
class Lessons:
    """The accepted corrections, split by what may be done with them.

    Attributes:
        taught: what is learned from.
        weights: float64, how often each of these is shown beside the others.
        held_out: what is only judged on, by the hash of the picture.
        suspects: labels that are probably wrong, which are left out.
        num_outdated: pictures of another preprocessing, which are left out: what they were found
            in is not kept.
        until: the newest decision when they were collected.
        num_anew: pictures of another preprocessing that were prepared anew.
    """

    taught: LabelledDigits
    held_out: LabelledDigits
    num_outdated: int
    until: int = 0
    weights: Floats | None = None
    suspects: tuple[SuspectLabel, ...] = ()
    num_anew: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """What a version's card says that it learned from."""
        return {
            "corrections": len(self.taught) + len(self.held_out),
            "taught": len(self.taught),
            "held_out": len(self.held_out),
            "suspected": len(self.suspects),
            "outdated": self.num_outdated,
            "prepared_anew": self.num_anew,
        }


@dataclass(frozen=True)
class Candidate:
    """A retrained version of one family and what the gate said of it.

    Attributes:
        seconds: how long each of its parts took, by the clock.
    """

    family: Family
    bundle: Bundle
    report: "GateReport"
    parent: str
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)


@contextmanager
def only_one() -> Iterator[None]:
    """Keep a second retraining out, on this machine and on all that share the database.

    Both locks end with the process that holds them, however it ends.

    Raises:
        RetrainingError: another one is running.
    """
    path = Path(current_app.instance_path) / LOCK_FILE
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RetrainingError(RUNNING) from None
        with _only_one_of_all_machines():
            yield


@contextmanager
def _only_one_of_all_machines() -> Iterator[None]:
    """Hold a lock of PostgreSQL's on a connection of its own, which nothing else commits on."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(ADVISORY_LOCK))):
            raise RetrainingError(RUNNING)
        try:
            yield
        finally:
            # A server that has gone has taken the lock with it.
            with suppress(SQLAlchemyError):
                connection.execute(select(func.pg_advisory_unlock(ADVISORY_LOCK)))


def num_new() -> int:
    """Return how many digits count for training that no retraining has known of."""
    known = db.session.scalar(select(func.max(ModelVersion.taught_until))) or 0
    query = (
        select(func.count(Correction.digit_id.distinct()))
        .join(Decision, Decision.correction_id == Correction.id)
        .where(
            Decision.id > known,
            Decision.to_state == State.ACCEPTED,
            Correction.state == State.ACCEPTED,
        )
    )
    return db.session.scalar(query) or 0


def gather() -> Lessons:
    """Collect what counts for training, and mark what is suspected; commits.

    Raises:
        RetrainingError: nothing was accepted yet, or all of it is held out, suspected or
            outdated; or a picture is missing.
        BundleError: the shipped models, which judge the labels, are damaged.
    """
    _check_pictures()
    until = Decision.newest_id()
    corrections = Correction.lessons()
    pictures, num_anew = _pictures(corrections)
    current = [one for one in corrections if one.id in pictures]
    suspected = _suspected(current, pictures)
    _mark(current, suspected)
    trusted = [one for one in current if one.id not in suspected]
    taught = [one for one in trusted if not one.digit.holdout]
    lessons = Lessons(
        taught=_labelled(taught, pictures),
        held_out=_labelled([one for one in trusted if one.digit.holdout], pictures),
        num_outdated=len(corrections) - len(current),
        until=until,
        weights=_weights(taught),
        suspects=tuple(suspected.values()),
        num_anew=num_anew,
    )
    if not len(lessons.taught):
        raise RetrainingError(
            f"There is nothing to learn from: {len(corrections)} corrections are accepted, "
            f"{len(lessons.held_out)} of them held out, {len(lessons.suspects)} suspected, "
            f"{lessons.num_outdated} outdated. "
            "Correct some digits and accept them at /review, or run flask corrections import FILE."
        )
    return lessons


def _check_pictures() -> None:
    accepted = select(Correction.digit_id).where(Correction.state == State.ACCEPTED)
    bare = select(Digit.id).where(Digit.id.in_(accepted), ~Digit.picture.has())
    missing = db.session.scalars(bare).all()
    if missing:
        raise RetrainingError(
            f"The picture of {len(missing)} corrected digits is missing, of {missing[0]} for one. "
            "Restore a backup that has it, or reject the correction."
        )


def _pictures(corrections: Sequence[Correction]) -> tuple[dict[str, Ink], int]:
    """Return what each correction's digit looks like as it is prepared today, and how many anew.

    What was prepared in another way, of which the original is not kept, is left out. The stored
    picture stays as it is: it is what was read then.
    """
    pictures, outdated = {}, []
    for one in corrections:
        if one.digit.preprocessing_version == preprocessing.VERSION:
            pictures[one.id] = one.digit.picture.image
        else:
            outdated.append(one)
    made = edits.prepared_anew(one.digit for one in outdated)
    anew = {one.id: made[one.digit_id] for one in outdated if one.digit_id in made}
    return pictures | anew, len(anew)


def _suspected(
    corrections: Sequence[Correction], pictures: Mapping[str, Ink]
) -> dict[str, SuspectLabel]:
    """Find labels that are probably wrong, by the id of the correction.

    What somebody said once more after it was suspected is believed.
    """
    judges = [Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES]
    found = suspects.suspects(_labelled(corrections, pictures), judges)
    return {
        one.id: SuspectLabel(one.digit_id, one.label, suspect.read, suspect.confidence)
        for one, suspect in ((corrections[suspect.index], suspect) for suspect in found)
        if not _was_affirmed(one)
    }


def _was_affirmed(correction: Correction) -> bool:
    earlier = (one for one in correction.digit.corrections if one.id < correction.id)
    return any(one.suspect and one.label == correction.label for one in earlier)


def _mark(corrections: Sequence[Correction], suspected: Mapping[str, SuspectLabel]) -> None:
    """Remember for /review which are suspected."""
    changed = [one for one in corrections if one.suspect != (one.id in suspected)]
    if not changed:
        return
    begin_write()
    for one in changed:
        one.suspect = one.id in suspected
    db.session.commit()


def _weights(corrections: Sequence[Correction]) -> Floats:
    """Show each writer's way to write a digit by the square root of how often it was corrected.

    So a thousand digits of one person do not drown thirty of another, nor sevens the rest.
    """
    ways = [(one.digit.visitor_id, one.label) for one in corrections]
    counts = Counter(ways)
    return np.array([counts[way] ** -0.5 for way in ways], np.float64)


def _labelled(corrections: Sequence[Correction], pictures: Mapping[str, Ink]) -> LabelledDigits:
    if not corrections:
        return LabelledDigits.empty()
    labels = [NOT_A_DIGIT if one.label is None else one.label for one in corrections]
    images = np.stack([pictures[one.id] for one in corrections])
    return LabelledDigits(images, np.array(labels, np.int64))


def live_bundles(promotion: Promotion) -> dict[Family, Bundle]:
    """Load the live versions' files, Keras model included.

    Raises:
        BundleError: one is damaged.
        RetrainingError: one learned from digits that were prepared in another way.
    """
    for version in promotion.versions.values():
        if version.preprocessing_version != preprocessing.VERSION:
            raise RetrainingError(
                f"{version.name} learned from digits as preprocessing "
                f"{version.preprocessing_version} makes them; this code makes them as "
                f"{preprocessing.VERSION}. Run: flask versions upgrade"
            )
    return {family: version.bundle() for family, version in promotion.versions.items()}


def teach(
    family: Family,
    parent: str,
    live: Bundle,
    lessons: Lessons,
    progress: "Progress | None" = None,
    *,
    from_scratch: bool = False,
) -> Candidate:
    """Teach the live version of a family, or its network anew, and let the gate judge."""
    with silent_stderr():
        from ml import gate, training

    began = time.monotonic()
    learn = training.learn_anew if from_scratch else training.fine_tune
    learned = learn(live, lessons.taught, progress=progress, weights=lessons.weights)
    learned_at = time.monotonic()
    learned = training.finish(learned, progress)
    finished_at = time.monotonic()
    card = dataclasses.replace(
        learned.card, parent=parent, learned_from={**learned.card.learned_from, **lessons.counts}
    )
    learned = dataclasses.replace(learned, card=card)
    report = gate.compare(live, learned, accepted=lessons.taught, held_out=lessons.held_out)
    moments = (began, learned_at, finished_at, time.monotonic())
    parts = (end - start for start, end in pairwise(moments))
    seconds = dict(zip(("learning", "plots and forms", "judging"), parts, strict=True))
    return Candidate(family, learned, report, parent, seconds)


def save(candidates: Sequence[Candidate], *, until: int) -> dict[Family, ModelVersion]:
    """Save the candidates as versions with what the gate said, and commit.

    Args:
        candidates: one of each family.
        until: the newest decision that they knew of.
    """
    begin_write()
    saved = {
        one.family: ModelVersion.add(
            one.bundle,
            origin="retrain",
            parent=ModelVersion.named(one.parent),
            report=report_json(one.report),
            taught_until=until,
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
        RetrainingError: another version went live since the comparison, or one cannot be served.
    """
    begin_write()
    current = Promotion.current()
    if current is None or current.id != replacing:
        raise RetrainingError(
            "Other versions went live while this retraining ran, so its comparison says nothing "
            "about them. The new versions are saved; nothing was promoted. Retrain once more."
        )
    try:
        promotion = Promotion.promote(passed, by=by, reason=reason)
    except ValueError as error:
        raise RetrainingError(f"The new versions are saved, not promoted: {error}") from error
    db.session.commit()
    return promotion


def report_json(report: "GateReport") -> dict[str, Any]:
    """Return a gate's report as it is stored with the version."""
    return {
        "passed": report.passed,
        "reasons": list(report.reasons),
        "rows": [dataclasses.asdict(row) for row in report.rows],
    }
