"""The parts of a fine-tuning; what comes of a whole one stands in `test_training.py`."""

import dataclasses

import keras
import numpy as np
import pytest

from ml import export
from ml.datasets import NOT_A_DIGIT, LabelledDigits, load_mnist
from ml.runtime import Recogniser, softmax
from ml.synthesis import digits
from ml.training import FineTuningConfig, TrainingError, fine_tune, fine_tuning, learn_anew
from ml.training.sealing import refused_share
from tests.ml.tiny import TINY, tiny_version

FEW_STEPS = FineTuningConfig(steps=10)
SMALLEST = dataclasses.replace(TINY, epochs=1, train_size=2_000, synthetic=50, non_digits=50)


def lessons(count: int = 40) -> LabelledDigits:
    return digits(count, np.random.default_rng(99))


def test_a_batch_is_lessons_then_replay_in_their_shares() -> None:
    parts = fine_tuning._parts(lessons(), None, 11, FEW_STEPS)
    counts = [part.count for part in parts]
    assert counts == [32, 58, 19, 19]
    assert sum(counts) == FEW_STEPS.batch_size
    assert set(parts[3].digits.labels.tolist()) == {NOT_A_DIGIT}


def test_a_network_that_cannot_refuse_is_shown_digits_instead() -> None:
    *_, instead = fine_tuning._parts(lessons(), None, 10, FEW_STEPS)
    assert instead.digits.labels.min() >= 0


def test_few_lessons_are_not_shown_until_they_are_known_by_heart() -> None:
    (taught, *_) = fine_tuning._parts(lessons(1), None, 11, FineTuningConfig())
    assert taught.count * FineTuningConfig().steps < 2 * FineTuningConfig().max_repeats


def test_a_thousand_lessons_take_no_more_of_a_batch_than_forty() -> None:
    many = lessons().joined(*[lessons() for _ in range(25)])
    assert fine_tuning._parts(many, None, 11, FEW_STEPS)[0].count == 32


def test_a_lesson_of_no_weight_is_never_shown() -> None:
    weights = np.ones(40)
    weights[1:] = 0
    (taught, *_) = fine_tuning._parts(lessons(), weights, 11, FEW_STEPS)
    shown = taught.draw(np.random.default_rng(1))
    assert (shown.images == lessons().images[0]).all()


def test_lessons_are_taught_by_label_and_replay_by_the_live_version() -> None:
    live, taught = tiny_version(), lessons()
    parts = fine_tuning._parts(taught, None, 11, dataclasses.replace(FEW_STEPS, live_share=1.0))
    config = dataclasses.replace(FEW_STEPS, live_share=1.0)
    pictures, targets = fine_tuning._Batches(parts, live, config)[0]
    answers = softmax(Recogniser(live).logits(np.rint(pictures * 255).astype(np.uint8)))
    assert np.allclose(targets[:32].max(axis=1), 0.95 + 0.05 / 11)
    same = np.isclose(targets[32:], answers[32:], atol=1e-5).all(axis=1)
    assert same.mean() > 0.5, "Where the live version is right, its answer is the target."
    assert np.isclose(targets[32:][~same].max(axis=1), 0.95 + 0.05 / 11, atol=1e-5).all()


def test_first_convolutions_and_batch_norms_stay_as_they_are_for_a_while() -> None:
    layers = [
        keras.layers.Reshape((28, 28, 1)),
        *(keras.layers.Conv2D(2, 3) for _ in range(3)),
        keras.layers.BatchNormalization(),
    ]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    with fine_tuning._common_layers_frozen(model):
        assert [layer.trainable for layer in layers[1:]] == [False, True, True, False]
    assert all(layer.trainable for layer in layers)


def test_dropout_rests_and_the_network_computes_as_the_configuration_says() -> None:
    live = tiny_version()
    weights = export.from_keras(live.keras).get_weights()
    config = dataclasses.replace(FEW_STEPS, precision="bfloat16")
    learner = fine_tuning._learner(live, weights, 11, config)
    dropouts = [one for one in learner.layers if isinstance(one, keras.layers.Dropout)]
    assert dropouts
    assert {one.rate for one in dropouts} == {0.0}
    hidden = next(one for one in learner.layers if isinstance(one, keras.layers.Dense))
    assert (hidden.compute_dtype, hidden.variable_dtype) == ("bfloat16", "float32")
    assert export.from_keras(live.keras).layers[-1].compute_dtype == "float32"


def test_a_version_that_is_only_surer_has_lost_nothing() -> None:
    judged = load_mnist().validation.take(slice(200))
    model = export.from_keras(tiny_version().keras)
    before = fine_tuning._judge(model, judged)
    *others, kernel, bias = model.get_weights()
    model.set_weights([*others, 2 * kernel, 2 * bias])
    after = fine_tuning._judge(model, judged)
    assert after.mistakes == before.mistakes
    assert after.loss == pytest.approx(before.loss, rel=0.02)


def test_a_retrained_version_can_be_retrained_and_still_refuses() -> None:
    first = fine_tune(tiny_version(), lessons(), FEW_STEPS)
    second = fine_tune(first, lessons(), FEW_STEPS)
    assert second.card.refusal.method == "eleventh-output"
    assert second.card.data == tiny_version().card.data
    assert export.from_keras(second.keras).output_shape[-1] == 11


def test_a_retrained_version_refuses_about_as_many_digits_as_the_live_one() -> None:
    live = tiny_version()
    refusal = dataclasses.replace(live.card.refusal, threshold=live.card.refusal.threshold / 4)
    strict = dataclasses.replace(live, card=dataclasses.replace(live.card, refusal=refusal))
    candidate = fine_tune(strict, lessons(), FEW_STEPS)
    calibration = fine_tuning.load_mnist().calibration
    before, after = (refused_share(one, calibration) for one in (strict, candidate))
    assert before > refused_share(live, calibration)
    assert before / 2 < after <= before * 1.05, "Fewer only where a single digit would lose more."


def test_it_goes_no_further_than_mnist_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fine_tuning, "MAX_LOSS_RISE", -1.0)
    assert fine_tune(tiny_version(), lessons(), FEW_STEPS).card.history["blend"] == 0.4
    monkeypatch.setattr(fine_tuning, "MAX_LOSS_RISE", 100.0)
    monkeypatch.setattr(fine_tuning, "MAX_MORE_MISTAKES", 5_000)
    assert fine_tune(tiny_version(), lessons(), FEW_STEPS).card.history["blend"] == 1.0


def test_a_network_can_learn_anew_with_its_corrections() -> None:
    live = tiny_version()
    learned = learn_anew(live, lessons(), SMALLEST)
    assert learned.card.architecture == live.card.architecture
    assert learned.card.learned_from["corrections"] == 40
    assert learned.card.configuration["epochs"] == 1
    assert learned.card.weights_sha256 != live.card.weights_sha256


def test_anew_without_corrections_is_an_error() -> None:
    with pytest.raises(TrainingError, match="no accepted corrections"):
        learn_anew(tiny_version(), LabelledDigits.empty())
