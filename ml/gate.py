"""The gate: a candidate goes live only if it reads no worse than the live version, and mends.

Both versions are loaded from their own bytes and read the same frozen sets. What can be counted in
pairs is tested one-sidedly (McNemar, exact) with Holm's correction, since a dozen tests at once
would refuse every second honest candidate; absolute floors stand beside the tests.

A point of one digit's recall is more than counting can tell: of the thousand digits of one label a
candidate that is a point worse loses 10 ± 3. So the floor holds as well for how likely the right
label of these digits is on average, each version at its own temperature. For calibrated versions
that is the recall, and every digit near the boundary, not only those that cross it, tells a part of
it: where one digit of the shipped versions was made a point worse on MNIST's test set, its label
lost 1.1 to 5.7 points, each with a standard error of 0.1 to 0.35, while counting found 0.2 to 1.6.
To ask that a loss of a point be ruled out at such a standard error (R. L. Berger, 1982) was tried:
it refused nine of ten honest retrainings of a plain network.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ml import synthesis
from ml.bundle import INT8_FILE, Bundle
from ml.calibration import expected_calibration_error
from ml.datasets import NOT_A_DIGIT, NUM_DIGITS, LabelledDigits, load_mnist
from ml.evaluation import PairedTest, mcnemar
from ml.remembering import RememberingRecogniser
from ml.runtime import Floats, Outputs, Recogniser

NUMBERS = "answers are numbers"
"""The one comparison that no force overrides (`webapp.models.versions` knows it by this name):
what is no number cannot be served."""

SIGNIFICANCE = 0.05
"""All tests together refuse an honest candidate as worse at most once in twenty."""


MNIST_FLOOR, RECALL_FLOOR, STYLES_FLOOR = 0.001, 0.01, 0.005
"""Parts of a set that may be lost at most, by chance or not: ten of MNIST's 10,000 digits, ten of
the thousand of one label, 15 of the synthetic ones. Versions that differ by their seed alone lie
about half as far apart (`benchmarks/sabotage.py` counts how many are refused)."""

INT8_FLOOR = 0.002
"""What the int8 form may read worse than the version itself."""

MIN_MENDED = 0.1
"""Part of the accepted corrections read wrong that must be read right afterwards. Of labels that
contradict everything else next to nothing is learned; of a habit half and more."""

MIN_ACCURACY = 0.95
"""No version below this goes live, however bad the live one is."""

MAX_ECE_RISE = 0.01
MAX_REFUSED_RISE = 0.005
MAX_LET_THROUGH_RISE = 0.05
"""The threshold hangs on the few digits of the calibration set that look least like any, so that
another seed alone moves the letters refused by some points."""

NUM_SYNTHETIC, NUM_OTHERS = 3_000, 1_500
SYNTHETIC_SEED = 60_001
"""The gate's own synthetic digits; no training draws with this seed."""

Hits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Row:
    """One comparison, ready to be printed.

    Attributes:
        name: what was compared.
        before, after: the live version's and the candidate's figure, as text.
        passed: whether the candidate may go live as far as this goes.
        reason: why not, in a sentence; empty when it passed.
        gained, lost: digits that only the candidate, or only the live version, reads right;
            None where digits are not what was compared.
    """

    name: str
    before: str
    after: str
    passed: bool
    reason: str = ""
    gained: int | None = None
    lost: int | None = None


@dataclass(frozen=True)
class GateReport:
    """All comparisons of one candidate with the live version."""

    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Tell whether the candidate may go live."""
        return all(row.passed for row in self.rows)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why it may not, in sentences."""
        return tuple(row.reason for row in self.rows if not row.passed)


@dataclass(frozen=True, eq=False)
class _Comparison:
    """Both versions on one set of digits."""

    name: str
    digits: LabelledDigits
    live: Outputs
    candidate: Outputs
    before: Hits
    after: Hits

    def of_label(self, label: int) -> tuple[Hits, Hits]:
        chosen = self.digits.labels == label
        return self.before[chosen], self.after[chosen]

    def probability_lost(self, label: int) -> Floats:
        """Return how much less likely the candidate thinks the label of each digit that has it."""
        chosen = self.digits.labels == label
        live, candidate = self.live.probabilities, self.candidate.probabilities
        return np.asarray(live[chosen, label] - candidate[chosen, label], np.float64)


def compare(
    live: Bundle,
    candidate: Bundle,
    *,
    accepted: LabelledDigits | None = None,
    held_out: LabelledDigits | None = None,
) -> GateReport:
    """Judge a candidate against the live version of its family.

    Args:
        live: the version that is served now.
        candidate: the version that wants to be.
        accepted: the accepted corrections it learned from.
        held_out: the accepted corrections that no version learns from.
    """
    if live.card.weights_sha256 == candidate.card.weights_sha256:
        return GateReport((_nothing_learned(live),))
    pair = RememberingRecogniser(live), RememberingRecogniser(candidate)
    if not np.isfinite(pair[1].logits(load_mnist().gate.images)).all():
        return GateReport((_not_a_number(),))
    mnist = _read("MNIST, unseen", unseen_mnist(), *pair)
    styles = _read("synthetic styles", synthetic_styles(), *pair)
    questions = [_whole(mnist, MNIST_FLOOR), _whole(styles, STYLES_FLOOR)]
    if held_out is not None and len(held_out):
        # They may be eight: one lost is an eighth and says nothing yet, so that no floor stands.
        questions.append(_whole(_read("held-out corrections", held_out, *pair), None))
    questions += [_recall(label, mnist, styles) for label in range(NUM_DIGITS)]
    rows = [
        _least_accuracy(mnist),
        *_answered(questions),
        _calibration(mnist),
        _refused(mnist, *pair),
        _let_through(_read("no digits refused", no_digits(), *pair)),
    ]
    if INT8_FILE in candidate.exports:
        rows.append(_int8(candidate, mnist))
    if accepted is not None and len(accepted):
        rows.append(_mended(_read("accepted corrections", accepted, *pair)))
    return GateReport(tuple(rows))


@lru_cache(maxsize=1)
def unseen_mnist() -> LabelledDigits:
    """Return the 10,000 digits that no version's weights come from: three of MNIST's splits.

    The gate split's 250 of each digit cannot tell a point of recall, two or three digits, from
    chance; a thousand can.
    """
    mnist = load_mnist()
    return mnist.gate.joined(mnist.validation, mnist.calibration)


@lru_cache(maxsize=1)
def synthetic_styles() -> LabelledDigits:
    """Return the gate's digits in styles that MNIST lacks; drawn once in a process."""
    return synthesis.digits(NUM_SYNTHETIC, np.random.default_rng(SYNTHETIC_SEED))


@lru_cache(maxsize=1)
def no_digits() -> LabelledDigits:
    """Return the gate's letters, scribbles and spoilt digits."""
    generator = np.random.default_rng(SYNTHETIC_SEED)
    return synthesis.non_digits(load_mnist().gate, NUM_OTHERS, generator)


def _read(
    name: str, digits: LabelledDigits, live: Recogniser, candidate: Recogniser
) -> _Comparison:
    """Have both versions read a set."""
    before, after = live.recognise(digits.images), candidate.recognise(digits.images)
    return _Comparison(
        name,
        digits,
        live=before,
        candidate=after,
        before=_hits(before, digits, live.card.refusal.threshold),
        after=_hits(after, digits, candidate.card.refusal.threshold),
    )


def _hits(outputs: Outputs, digits: LabelledDigits, threshold: float) -> Hits:
    """Tell which are read right; what is no digit is read right when it is refused."""
    right = outputs.probabilities.argmax(axis=1) == digits.labels
    return np.where(digits.labels == NOT_A_DIGIT, outputs.refusal > threshold, right)


def _nothing_learned(live: Bundle) -> Row:
    identity = live.card.weights_sha256[:12]
    reason = "The candidate's weights are the live version's: nothing was learned."
    return Row("weights", identity, identity, passed=False, reason=reason)


def _not_a_number() -> Row:
    reason = "The candidate answers with NaN or infinity."
    return Row(NUMBERS, "yes", "no", passed=False, reason=reason)


def _least_accuracy(mnist: _Comparison) -> Row:
    after = mnist.after.mean()
    reason = f"Reads {after:.2%} of MNIST's unseen digits; at least {MIN_ACCURACY:.0%} is needed."
    passed = bool(after >= MIN_ACCURACY)
    return Row(
        "least accuracy", f"{MIN_ACCURACY:.0%}", f"{after:.2%}", passed, _unless(passed, reason)
    )


@dataclass(frozen=True, eq=False)
class _Question:
    """Whether a candidate reads some digits worse.

    Attributes:
        name: of what.
        before, after: which are read right by the live version and by the candidate.
        floor: the part of them that may be lost, 0..1; None for any.
        floored: how many of the first digits the floor counts on; None for all.
        probability_lost: how much less likely the right label of each digit under the floor is
            to the candidate; None where that is not asked.
    """

    name: str
    before: Hits
    after: Hits
    floor: float | None
    floored: int | None = None
    probability_lost: Floats | None = None

    @property
    def loss(self) -> float:
        """The part of the digits under the floor that is lost, less what is gained."""
        before, after = self.before[: self.floored], self.after[: self.floored]
        return (int(before.sum()) - int(after.sum())) / max(1, len(before))

    @property
    def is_above_floor(self) -> bool:
        return self.floor is None or self.loss <= self.floor

    @property
    def likelihood_lost(self) -> float:
        """How much less likely the right label is on average; 0 where that is not asked."""
        lost = self.probability_lost
        return 0.0 if lost is None or not len(lost) else float(lost.mean())

    @property
    def is_likely_enough(self) -> bool:
        return self.floor is None or self.likelihood_lost <= self.floor


def _whole(read: _Comparison, floor: float | None) -> _Question:
    return _Question(read.name, read.before, read.after, floor)


def _recall(label: int, mnist: _Comparison, styles: _Comparison) -> _Question:
    """Ask for one digit's recall; the floor counts on MNIST, where there are a thousand of it.

    In the styles a lesson may well change how likely a label is; that is what it is for.
    """
    (before, styles_before), (after, styles_after) = zip(
        mnist.of_label(label), styles.of_label(label), strict=True
    )
    return _Question(
        f"recall of {label}",
        np.concatenate([before, styles_before]),
        np.concatenate([after, styles_after]),
        RECALL_FLOOR,
        floored=len(before),
        probability_lost=mnist.probability_lost(label),
    )


def _answered(questions: Sequence[_Question]) -> list[Row]:
    """Test every set and every digit's recall, with one correction for all of them."""
    tests = [mcnemar(one.before, one.after) for one in questions]
    worse = holm([test.worse for test in tests])
    return [_row(*parts) for parts in zip(questions, tests, worse, strict=True)]


def holm(p_values: Sequence[float], level: float = SIGNIFICANCE) -> list[bool]:
    """Tell which hypotheses fall at a joint level (S. Holm, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [True, False, False]
    """
    order = np.argsort(p_values, kind="stable")
    rejected = [False] * len(p_values)
    for rank, at in enumerate(order):
        if p_values[at] > level / (len(p_values) - rank):
            break
        rejected[at] = True
    return rejected


def _row(question: _Question, test: PairedTest, worse: bool) -> Row:
    passed = question.is_above_floor and question.is_likely_enough and not worse
    reason = (
        f"{question.name}: {test.lost} digits lost and {test.gained} gained, "
        f"{question.loss:.2%} fewer than before."
    )
    if not question.is_above_floor:
        reason += f" At most {question.floor:.1%} may be lost."
    if not question.is_likely_enough:
        reason += (
            f" The right label is {question.likelihood_lost:.2%} less likely on average; "
            f"at most {question.floor:.1%} may be lost."
        )
    figures = _share(question.before), _share(question.after), passed, _unless(passed, reason)
    return Row(question.name, *figures, gained=test.gained, lost=test.lost)


def _calibration(mnist: _Comparison) -> Row:
    before = expected_calibration_error(mnist.live.probabilities, mnist.digits.labels)
    after = expected_calibration_error(mnist.candidate.probabilities, mnist.digits.labels)
    passed = after <= before + MAX_ECE_RISE
    reason = f"Its confidence is off by {after:.2%}, the live version's by {before:.2%}."
    texts = f"{before:.2%}", f"{after:.2%}"
    return Row("calibration error", *texts, passed, _unless(passed, reason))


def _refused(mnist: _Comparison, live: Recogniser, candidate: Recogniser) -> Row:
    before = float((mnist.live.refusal > live.card.refusal.threshold).mean())
    after = float((mnist.candidate.refusal > candidate.card.refusal.threshold).mean())
    passed = after <= before + MAX_REFUSED_RISE
    reason = f"It refuses {after:.2%} of MNIST's digits, the live version {before:.2%}."
    return Row("digits refused", f"{before:.2%}", f"{after:.2%}", passed, _unless(passed, reason))


def _let_through(others: _Comparison) -> Row:
    before, after = float(others.before.mean()), float(others.after.mean())
    passed = after >= before - MAX_LET_THROUGH_RISE
    reason = f"It refuses {after:.1%} of what is no digit, the live version {before:.1%}."
    figures = f"{before:.1%}", f"{after:.1%}", passed, _unless(passed, reason)
    return Row(others.name, *figures)


def _int8(candidate: Bundle, mnist: _Comparison) -> Row:
    """Compare the candidate's int8 form with the candidate."""
    form = RememberingRecogniser(
        dataclasses.replace(candidate, tflite=candidate.exports[INT8_FILE])
    )
    after = _hits(form.recognise(mnist.digits.images), mnist.digits, form.card.refusal.threshold)
    question = _Question("int8 form", mnist.after, after, INT8_FLOOR)
    return _row(question, mcnemar(mnist.after, after), worse=False)


def _mended(corrections: _Comparison) -> Row:
    before, after = int((~corrections.before).sum()), int((~corrections.after).sum())
    passed = before - after >= MIN_MENDED * before and (after < before or before == 0)
    reason = f"Of {before} accepted corrections that were read wrong, {after} still are."
    test = mcnemar(corrections.before, corrections.after)
    figures = str(before), str(after), passed, _unless(passed, reason)
    return Row("corrections read wrong", *figures, gained=test.gained, lost=test.lost)


def _share(hits: Hits) -> str:
    return f"{hits.mean():.2%}" if len(hits) else "–"


def _unless(passed: bool, reason: str) -> str:
    return "" if passed else reason
