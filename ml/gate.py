"""The gate: a candidate goes live only if it reads no worse than the live version, and mends.

Both versions are loaded from their own bytes and read the same frozen sets. What can be counted in
pairs is tested one-sidedly (McNemar, exact) with Holm's correction, since twelve tests at once
would refuse every second honest candidate; absolute floors stand beside the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml import synthesis
from ml.bundle import Bundle
from ml.calibration import expected_calibration_error
from ml.datasets import NOT_A_DIGIT, NUM_DIGITS, LabelledDigits, load_mnist
from ml.evaluation import mcnemar
from ml.runtime import Outputs, Recogniser

SIGNIFICANCE = 0.05
"""An honest candidate is refused as worse at most once in twenty."""


@dataclass(frozen=True)
class Allowed:
    """How much of a set may be lost, as parts of it.

    Attributes:
        always: a loss up to this passes, whatever a test says.
        by_chance: a larger one up to this passes only while it may be chance. A digit is 0.04
            points of the gate split and 0.4 points of one digit's recall, so that a mere change
            of seed crosses the first bound.
    """

    always: float
    by_chance: float


MNIST_LOSS = Allowed(0.001, 0.005)
RECALL_LOSS = Allowed(0.01, 0.05)
STYLES_LOSS = Allowed(0.005, 0.02)
HELD_OUT_LOSS = Allowed(0.0, 1.0)
"""Held-out corrections may be eight: one lost is an eighth of them and says nothing yet."""

MIN_ACCURACY = 0.95
"""No version below this goes live, however bad the live one is."""

MAX_ECE_RISE = 0.01
MAX_REFUSED_RISE = 0.005

NUM_SYNTHETIC = 3_000
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
    """

    name: str
    before: str
    after: str
    passed: bool
    reason: str = ""


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
    hits_before: Hits
    hits_after: Hits

    def of_label(self, label: int) -> tuple[Hits, Hits]:
        chosen = self.digits.labels == label
        return self.hits_before[chosen], self.hits_after[chosen]


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
    before, after = Recogniser(live), Recogniser(candidate)
    if not np.isfinite(after.logits(load_mnist().gate.images)).all():
        return GateReport((_not_a_number(),))
    mnist = _read("MNIST gate split", load_mnist().gate, before, after)
    styles = _read("synthetic styles", _synthetic_styles(), before, after)
    sets = [(mnist, MNIST_LOSS), (styles, STYLES_LOSS)]
    if held_out is not None and len(held_out):
        sets.append((_read("held-out corrections", held_out, before, after), HELD_OUT_LOSS))
    rows = [
        _floor(mnist),
        *_tested(sets, mnist),
        _calibration(mnist),
        _refused(mnist, before, after),
    ]
    if accepted is not None and len(accepted):
        rows.append(_mended(_read("accepted corrections", accepted, before, after)))
    return GateReport(tuple(rows))


def _synthetic_styles() -> LabelledDigits:
    return synthesis.digits(NUM_SYNTHETIC, np.random.default_rng(SYNTHETIC_SEED))


def _read(
    name: str, digits: LabelledDigits, live: Recogniser, candidate: Recogniser
) -> _Comparison:
    before, after = live.recognise(digits.images), candidate.recognise(digits.images)
    return _Comparison(
        name,
        digits,
        before,
        after,
        hits_before=_hits(before, digits, live.card.refusal.threshold),
        hits_after=_hits(after, digits, candidate.card.refusal.threshold),
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
    return Row("answers are numbers", "yes", "no", passed=False, reason=reason)


def _floor(mnist: _Comparison) -> Row:
    after = mnist.hits_after.mean()
    reason = f"Reads {after:.2%} of the MNIST gate split; at least {MIN_ACCURACY:.0%} is needed."
    passed = bool(after >= MIN_ACCURACY)
    return Row(
        "least accuracy", f"{MIN_ACCURACY:.0%}", f"{after:.2%}", passed, _unless(passed, reason)
    )


def _tested(sets: Sequence[tuple[_Comparison, Allowed]], mnist: _Comparison) -> list[Row]:
    """Test every set and every digit's recall, with one correction for all of them."""
    pairs = [(part.name, part.hits_before, part.hits_after, loss) for part, loss in sets]
    pairs += [
        (f"recall of {label}", *mnist.of_label(label), RECALL_LOSS) for label in range(NUM_DIGITS)
    ]
    significant = holm([mcnemar(before, after).worse for _, before, after, _ in pairs])
    return [_row(*pair, chance=not flag) for pair, flag in zip(pairs, significant, strict=True)]


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


def _row(name: str, before: Hits, after: Hits, allowed: Allowed, *, chance: bool) -> Row:
    loss = float(before.mean() - after.mean()) if len(before) else 0.0
    passed = loss <= allowed.always or (chance and loss <= allowed.by_chance)
    test = mcnemar(before, after)
    reason = (
        f"{name}: {test.lost} digits lost and {test.gained} gained, {loss:.2%} fewer than before."
    )
    return Row(name, _share(before), _share(after), passed, _unless(passed, reason))


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


def _mended(corrections: _Comparison) -> Row:
    before = int((~corrections.hits_before).sum())
    after = int((~corrections.hits_after).sum())
    passed = after < before or after == before == 0
    reason = f"Of {before} accepted corrections that were read wrong, {after} still are."
    return Row("corrections read wrong", str(before), str(after), passed, _unless(passed, reason))


def _share(hits: Hits) -> str:
    return f"{hits.mean():.2%}" if len(hits) else "–"


def _unless(passed: bool, reason: str) -> str:
    return "" if passed else reason
