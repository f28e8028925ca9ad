import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.sabotage import one_point_worse
from ml import export, gate
from ml.bundle import INT8_FILE, PRETRAINED, Bundle, Refusal, load
from ml.datasets import NOT_A_DIGIT, LabelledDigits
from ml.gate import compare, holm
from ml.runtime import Outputs, Recogniser
from ml.synthesis import digits, styled
from ml.training import FineTuningConfig, fine_tune
from tests.ml.tiny import tiny_version


@pytest.fixture(autouse=True)
def low_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tiny versions pass, which read nine digits in ten."""
    monkeypatch.setattr(gate, "MIN_ACCURACY", 0.8)


def lessons() -> LabelledDigits:
    return digits(60, np.random.default_rng(99))


def sabotaged(change: Callable[[list[Any]], list[Any]]) -> Bundle:
    """Return the tiny version with other weights, exported and sealed as a candidate is."""
    live = tiny_version()
    model = export.from_keras(live.keras)
    model.set_weights(change(model.get_weights()))
    card = dataclasses.replace(live.card, weights_sha256=export.weights_sha256(model))
    return Bundle.sealed(card, export.to_keras(model), export.to_tflite(model))


def shuffled_outputs(weights: list[Any]) -> list[Any]:
    order = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 10]
    return [*weights[:-2], weights[-2][:, order], weights[-1][order]]


def one_class_ruined(weights: list[Any]) -> list[Any]:
    bias = weights[-1].copy()
    bias[4] -= 3
    return [*weights[:-1], bias]


def not_numbers(weights: list[Any]) -> list[Any]:
    return [*weights[:-1], np.full_like(weights[-1], np.nan)]


def untrained(weights: list[Any]) -> list[Any]:
    return [np.zeros_like(array) for array in weights]


def mirrored_sevens() -> LabelledDigits:
    """Return sevens as children write them who have not yet made up their mind."""
    styles = styled(2, np.random.default_rng(99))
    sevens = [part for name, part in styles.items() if name.startswith("7 ")]
    joined = sevens[0].joined(*sevens[1:])
    return LabelledDigits(joined.images[:, :, ::-1].copy(), joined.labels)


@pytest.mark.slow
def test_a_shipped_version_that_learned_its_lessons_passes() -> None:
    live, sevens = load(PRETRAINED / "dnn"), mirrored_sevens()
    taught, held_out = sevens.take(slice(0, None, 2)), sevens.take(slice(1, None, 2))
    candidate = fine_tune(live, taught, FineTuningConfig(steps=100))
    report = compare(live, candidate, accepted=taught, held_out=held_out)
    assert report.passed, report.reasons
    assert report.reasons == ()
    assert "held-out corrections" in {row.name for row in report.rows}


def test_the_live_version_itself_has_learned_nothing() -> None:
    report = compare(tiny_version(), tiny_version())
    assert not report.passed
    assert "nothing was learned" in report.reasons[0]


@pytest.mark.parametrize(
    "change, reason",
    [
        (shuffled_outputs, "MNIST, unseen"),
        (one_class_ruined, "recall of 4"),
        (not_numbers, "NaN"),
        (untrained, "is needed"),
    ],
)
def test_a_sabotaged_candidate_is_refused(
    change: Callable[[list[Any]], list[Any]], reason: str
) -> None:
    report = compare(tiny_version(), sabotaged(change))
    assert not report.passed
    assert any(reason in sentence for sentence in report.reasons)


@pytest.mark.parametrize("label", [1, 8])
def test_a_candidate_that_reads_one_digit_a_point_worse_is_refused(label: int) -> None:
    worse = one_point_worse(tiny_version(), label, gate.unseen_mnist())
    (reason,) = [one for one in compare(tiny_version(), worse).reasons if f"of {label}" in one]
    assert "At most 1.0% may be lost" in reason


def test_a_point_of_recall_shows_in_how_likely_the_label_is() -> None:
    live = load(PRETRAINED / "dnn")
    report = compare(live, one_point_worse(live, 0))
    (reason,) = [one for one in report.reasons if one.startswith("recall of 0")]
    assert "less likely on average; at most 1.0% may be lost" in reason


@pytest.mark.parametrize(
    "lost, passed", [(0.0, True), (0.009, True), (0.011, False), (-0.05, True)]
)
def test_the_right_label_may_not_become_a_point_less_likely(lost: float, passed: bool) -> None:
    hits = np.ones(1_000, bool)
    scattered = lost + 0.3 * np.tile([-1.0, 1.0], 500)
    question = gate._Question("recall of 4", hits, hits, gate.RECALL_FLOOR, 1_000, scattered)
    (row,) = gate._answered([question])
    assert row.passed is passed
    assert ("less likely on average" in row.reason) is not passed


def test_a_candidate_that_learned_wrong_labels_is_refused_by_the_right_ones() -> None:
    right = lessons()
    wrong = LabelledDigits(right.images, np.random.default_rng(1).permutation(right.labels))
    config = FineTuningConfig(steps=40, made_share=0.0)
    candidate = fine_tune(tiny_version(), wrong, config)
    report = compare(tiny_version(), candidate, accepted=right)
    assert not report.passed, report.rows


def test_a_candidate_that_lets_letters_through_is_refused() -> None:
    tiny = tiny_version()
    strict = Refusal("eleventh-output", tiny.card.refusal.threshold / 4)
    live = dataclasses.replace(tiny, card=dataclasses.replace(tiny.card, refusal=strict))
    lax = dataclasses.replace(live.card, refusal=Refusal("eleventh-output", 1.0))
    lax = dataclasses.replace(lax, weights_sha256="0" * 64)
    report = compare(live, dataclasses.replace(live, card=lax))
    assert len(report.reasons) == 1
    assert "of what is no digit" in report.reasons[0]


def test_an_int8_form_that_reads_worse_is_refused() -> None:
    live, ruined = tiny_version(), sabotaged(one_class_ruined)
    candidate = sabotaged(lambda weights: [*weights[:-1], weights[-1] + np.float32(1e-6)])
    for form, passed in ((live.tflite, True), (ruined.tflite, False)):
        report = compare(live, candidate.with_exports({INT8_FILE: form}))
        assert [row.passed for row in report.rows if row.name == "int8 form"] == [passed]


def test_a_report_counts_what_was_gained_and_lost() -> None:
    report = compare(tiny_version(), sabotaged(one_class_ruined))
    rows = {row.name: row for row in report.rows}
    assert rows["recall of 4"].lost
    assert rows["recall of 4"].gained == 0
    assert rows["calibration error"].lost is None


def test_the_sets_are_the_same_each_time_and_a_thousand_of_each_digit() -> None:
    assert gate.unseen_mnist() is gate.unseen_mnist()
    assert np.bincount(gate.unseen_mnist().labels).min() > 850
    assert len(gate.synthetic_styles()) == gate.NUM_SYNTHETIC
    assert set(gate.no_digits().labels.tolist()) == {NOT_A_DIGIT}


def test_corrections_that_are_still_read_wrong_are_a_reason_to_refuse() -> None:
    harmless = sabotaged(lambda weights: [*weights[:-1], weights[-1] + np.float32(1e-6)])
    report = compare(tiny_version(), harmless, accepted=lessons())
    assert not report.passed
    (reason,) = report.reasons
    assert "accepted corrections" in reason


@pytest.mark.parametrize(
    "before, after, passed",
    [(0, 0, True), (1, 0, True), (3, 3, False), (20, 18, True), (20, 19, False), (0, 1, False)],
)
def test_one_in_ten_of_the_corrections_read_wrong_must_be_mended(
    before: int, after: int, passed: bool
) -> None:
    hits = [np.arange(60) >= wrong for wrong in (before, after)]
    taught = gate._Comparison(
        "accepted corrections", lessons(), *[Outputs(*[np.empty(0)] * 2)] * 2, *hits
    )
    assert gate._mended(taught).passed is passed


def test_what_is_no_digit_counts_as_right_once_it_is_refused() -> None:
    nothing = LabelledDigits(np.full((1, 28, 28), 255, np.uint8), np.array([NOT_A_DIGIT]))
    outputs = Recogniser(tiny_version()).recognise(nothing.images)
    score = float(outputs.refusal[0])
    assert gate._hits(outputs, nothing, score - 1e-9).tolist() == [True]
    assert gate._hits(outputs, nothing, score).tolist() == [False]


def test_holm_divides_the_level_by_the_tests_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03]) == [True, False, False]
    assert holm([0.01, 0.02, 0.03]) == [True, True, True]
    assert holm([0.02, 0.04, 0.03]) == [False, False, False]


@pytest.mark.parametrize("lost, refused", [(10, False), (11, True)])
def test_a_tenth_of_a_point_of_mnist_is_the_most_that_may_be_lost_by_chance_or_not(
    lost: int, refused: bool
) -> None:
    before, after = np.ones((2, 10_000), bool)
    before[-50:] = False
    after[: lost + 50] = False
    (row,) = gate._answered([gate._Question("MNIST, unseen", before, after, gate.MNIST_FLOOR)])
    assert row.lost == lost + 50
    assert row.passed is not refused


def test_a_floor_of_recall_stands_on_mnist_whatever_the_styles_gain() -> None:
    before, after = np.ones((2, 1_300), bool)
    before[1_000:] = False
    after[:11] = False
    question = gate._Question("recall of 4", before, after, gate.RECALL_FLOOR, floored=1_000)
    assert question.loss == pytest.approx(0.011)
    assert not gate._answered([question])[0].passed
