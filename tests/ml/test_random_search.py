"""A random search over the settings of training."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from ml.bundle import Bundle
from ml.training import SEARCHED, Progress, Space, TrainingConfig, TrainingError, search
from tests.ml.tiny import TINY

RATES = (0.001, 0.1)


def judged(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Bundle], losses: Mapping[float, float]
) -> None:
    """Let a training be nothing but its validation loss, by weight decay."""

    def train(config: TrainingConfig, progress: Progress) -> Bundle:
        progress("training", 1, 1)
        loss = losses.get(config.weight_decay, 0.5)
        if np.isnan(loss):
            raise TrainingError("The loss became nan.")
        return make(figures={"validation": {"accuracy": 1 - loss, "loss": loss}})

    monkeypatch.setattr("ml.training.random_search.train", train)


def test_settings_are_drawn_within_the_space() -> None:
    generator, space = np.random.default_rng(1), Space(learning_rate=RATES, batch_size=(32,))
    drawn = [space.draw(TINY, generator) for _ in range(50)]
    assert all(RATES[0] <= one.learning_rate <= RATES[1] for one in drawn)
    assert len({one.learning_rate for one in drawn}) > 40
    assert {(one.batch_size, one.epochs, one.architecture) for one in drawn} == {
        (32, TINY.epochs, TINY.architecture)
    }
    assert set(SEARCHED) <= {one.name for one in dataclasses.fields(TrainingConfig)}


def test_the_lowest_validation_loss_comes_first(
    monkeypatch: pytest.MonkeyPatch, make_bundle: Callable[..., Bundle]
) -> None:
    judged(monkeypatch, make_bundle, {TINY.weight_decay: 0.1})
    trials = search(TINY, 4)
    assert [trial.loss for trial in trials] == [0.1, 0.5, 0.5, 0.5]
    assert trials[0].config == TINY
    assert trials[0].accuracy == 0.9


def test_a_loss_that_is_no_number_ends_a_trial_and_not_the_search(
    monkeypatch: pytest.MonkeyPatch, make_bundle: Callable[..., Bundle]
) -> None:
    judged(monkeypatch, make_bundle, {TINY.weight_decay: float("nan")})
    trials = search(TINY, 2)
    assert (trials[-1].bundle, trials[-1].accuracy, trials[-1].loss) == (None, 0, float("inf"))
    with pytest.raises(TrainingError, match="None of 1 trainings came to a version"):
        search(TINY, 1)


def test_progress_says_which_of_the_trainings_it_is(
    monkeypatch: pytest.MonkeyPatch, make_bundle: Callable[..., Bundle]
) -> None:
    judged(monkeypatch, make_bundle, {})
    told: list[str] = []
    search(TINY, 2, lambda what, *_: told.append(what))
    assert told == ["training, 1 of 2", "training, 2 of 2"]
