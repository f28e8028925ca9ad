import dataclasses

import numpy as np
import pytest

from ml import export
from ml.architectures import UnknownArchitectureError
from ml.bundle import Card
from ml.datasets import NOT_A_DIGIT, LabelledDigits, load_mnist
from ml.evaluation import evaluate
from ml.runtime import Recogniser
from ml.synthesis import digits, non_digits
from ml.training import (
    FineTuningConfig,
    Source,
    TrainingConfig,
    TrainingError,
    fine_tune,
    train,
)
from tests.ml.tiny import TINY, tiny_version

SMALLEST = dataclasses.replace(TINY, epochs=1, train_size=500, synthetic=50, non_digits=50)
FEW_STEPS = FineTuningConfig(steps=40)


def lessons(count: int = 40) -> LabelledDigits:
    """Return digits of a hand that the tiny version never saw."""
    return digits(count, np.random.default_rng(99))


def test_a_tiny_version_reads_digits_it_never_saw() -> None:
    assert tiny_version().card.figures["mnist_test"]["accuracy"] > 0.85


def test_the_card_says_how_the_version_came_about() -> None:
    card = tiny_version().card
    assert card.configuration == dataclasses.asdict(TINY)
    assert card.data["train_size"] == 5_000
    assert {"keras", "tensorflow", "numpy"} <= set(card.packages)
    assert len(card.history["accuracy"]) == len(card.history["val_accuracy"]) == TINY.epochs
    assert Card.from_json(card.to_json()).to_json() == card.to_json()


def test_the_keras_file_holds_the_weights_that_the_card_names() -> None:
    bundle = tiny_version()
    bundle.check()
    assert export.weights_sha256(export.from_keras(bundle.keras)) == bundle.card.weights_sha256


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    hashes = [
        train(dataclasses.replace(SMALLEST, seed=seed)).card.weights_sha256 for seed in (1, 1, 2)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_without_non_digits_there_are_ten_outputs_and_the_energy_refuses() -> None:
    bundle = train(dataclasses.replace(SMALLEST, non_digits=0, synthetic=0))
    assert bundle.card.refusal.method == "energy"
    assert Recogniser(bundle).logits(load_mnist().test.images[:2]).shape == (2, 10)


def test_what_is_no_digit_scores_higher_than_digits_do() -> None:
    generator = np.random.default_rng(5)
    recogniser = Recogniser(tiny_version())
    own = recogniser.recognise(load_mnist().gate.images[:500]).refusal
    others = recogniser.recognise(non_digits(load_mnist().gate, 500, generator).images).refusal
    assert np.median(others) > np.quantile(own, 0.9)


def test_progress_is_told_of_every_step() -> None:
    told: list[tuple[str, int, int]] = []
    train(SMALLEST, lambda *step: told.append(step))
    steps = [step for step in told if step[0] == "training"]
    assert [done for _, done, _ in steps] == list(range(1, steps[-1][2] + 1))


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(UnknownArchitectureError, match="nothing-like-it"):
        train(dataclasses.replace(SMALLEST, architecture="nothing-like-it"))


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    with pytest.raises(TrainingError, match="loss became nan"):
        train(dataclasses.replace(SMALLEST, learning_rate=float("nan"), epochs=2))


def test_a_source_shows_each_digit_as_often_as_the_next() -> None:
    source = Source(load_mnist().gate.take(slice(10)), 25)
    shown = np.bincount(source.draw(np.random.default_rng(1)))
    assert shown.sum() == 25
    assert set(shown.tolist()) == {2, 3}


def test_fine_tuning_learns_its_lessons_and_forgets_little() -> None:
    live, taught = tiny_version(), lessons()
    candidate = fine_tune(live, taught, FEW_STEPS)
    assert evaluate(candidate, taught).accuracy > evaluate(live, taught).accuracy
    before, after = (
        version.card.figures["mnist_test"]["accuracy"] for version in (live, candidate)
    )
    assert after > before - 0.01


def test_a_fine_tuned_version_says_what_it_learned_from() -> None:
    learned = fine_tune(tiny_version(), lessons(20), FEW_STEPS).card.learned_from
    assert learned["corrections"] == 20
    assert learned["7"] == 2


def test_the_live_version_is_not_changed_by_fine_tuning() -> None:
    live = tiny_version()
    before = live.keras
    fine_tune(live, lessons(10), FEW_STEPS)
    assert live.keras == before
    live.check()


def test_not_a_digit_is_a_lesson_too() -> None:
    taught = non_digits(load_mnist().gate, 10, np.random.default_rng(3))
    assert set(taught.labels.tolist()) == {NOT_A_DIGIT}
    learned = fine_tune(tiny_version(), taught, FEW_STEPS).card.learned_from
    assert learned == {"corrections": 10, "not a digit": 10}


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(TrainingError, match="no accepted corrections"):
        fine_tune(tiny_version(), LabelledDigits.empty())


def test_a_network_with_ten_outputs_leaves_out_what_is_no_digit() -> None:
    live = train(TrainingConfig("dnn", "dnn-128-64", 1, train_size=500, synthetic=0, non_digits=0))
    taught = non_digits(load_mnist().gate, 10, np.random.default_rng(3))
    with pytest.raises(TrainingError, match="no output for"):
        fine_tune(live, taught, FEW_STEPS)
