import numpy as np
import pytest

from ml.calibration import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    refusal_threshold,
)


def logits_and_labels(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits whose labels are drawn from their softmax, then multiplied by `scale`."""
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (4_000, 10))
    noise = generator.gumbel(size=logits.shape)
    return logits * scale, (logits + noise).argmax(axis=1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_undoes_an_exaggeration(scale: float) -> None:
    assert fit_temperature(*logits_and_labels(scale)) == pytest.approx(scale, rel=0.06)


def test_an_eleventh_output_does_not_change_the_temperature() -> None:
    logits, labels = logits_and_labels(2.0)
    wider = np.concatenate([logits, np.full((len(logits), 1), 50.0)], axis=1)
    assert fit_temperature(wider, labels) == fit_temperature(logits, labels)


def test_even_odds_cost_the_logarithm_of_ten() -> None:
    loss = negative_log_likelihood(np.zeros((3, 10)), np.array([0, 4, 9]))
    assert loss == pytest.approx(np.log(10))


def test_the_calibration_error_is_confidence_without_accuracy() -> None:
    probabilities = np.tile([0.7, 0.3] + [0.0] * 8, (10, 1))
    all_right, half_right = np.zeros(10, int), np.repeat([0, 1], 5)
    assert expected_calibration_error(probabilities, all_right) == pytest.approx(0.3)
    assert expected_calibration_error(probabilities, half_right) == pytest.approx(0.2)


def test_the_threshold_refuses_no_more_than_was_allowed() -> None:
    generator = np.random.default_rng(1)
    scores, labels = generator.random(1_000), np.zeros(1_000, int)
    assert 9 <= (scores > refusal_threshold(scores, labels, 0.01)).sum() <= 10


def test_a_digit_that_looks_least_like_one_is_not_refused_for_all_the_others() -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat(np.arange(10), 1_000)
    scores = generator.random(10_000) + (labels == 0)
    refused = scores > refusal_threshold(scores, labels, 0.01)
    assert refused[labels == 0].mean() == pytest.approx(0.015, abs=0.001)
    assert not refused[labels != 0].any()
