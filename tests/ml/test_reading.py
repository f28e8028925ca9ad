"""Both models' probabilities become a label, a confidence and a doubt."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from ml.bundle import Bundle, Family, Refusal
from ml.preprocessing import Ink
from ml.reading import judge, read_digits
from ml.runtime import Recogniser

MakeBundle = Callable[..., Bundle]


def picture(**levels: int) -> Ink:
    """Return one picture from grey levels of the pixels that the models look at: `p3=255`."""
    shown = np.zeros((1, 28, 28), np.uint8)
    for name, level in levels.items():
        shown[0, 0, int(name[1:])] = level
    return shown


def both(cnn: Bundle, dnn: Bundle) -> dict[Family, Recogniser]:
    return {"cnn": Recogniser(cnn), "dnn": Recogniser(dnn)}


def test_the_label_comes_from_the_mean_of_both(make_bundle: MakeBundle):
    """The cnn sees logits 4 and 2, the dnn 2 and 1; each softmax has eight zeros beside them."""
    models = both(make_bundle(gain=4.0), make_bundle(gain=2.0, family="dnn"))
    (answer,) = read_digits(picture(p3=255, p7=127), models)
    half = 127 / 255
    cnn = math.exp(4) / (math.exp(4) + math.exp(4 * half) + 8)
    dnn = math.exp(2) / (math.exp(2) + math.exp(2 * half) + 8)
    assert answer.label == 3
    assert answer.confidence == pytest.approx((cnn + dnn) / 2)
    assert answer.models["cnn"].confidence == pytest.approx(cnn)
    assert answer.models["dnn"].confidence == pytest.approx(dnn)


def test_a_card_may_leave_the_label_to_the_cnn(make_bundle: MakeBundle):
    models = both(make_bundle(gain=4.0, answer="cnn"), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p3=255), models)
    assert answer.confidence == answer.models["cnn"].confidence


def test_the_three_likeliest_labels_come_likeliest_first(make_bundle: MakeBundle):
    models = both(make_bundle(), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p9=255, p0=200, p4=100), models)
    assert [one.label for one in answer.alternatives] == [9, 0, 4]
    assert answer.alternatives[0].confidence == answer.confidence


def test_of_equally_likely_labels_the_smaller_comes_first(make_bundle: MakeBundle):
    models = both(make_bundle(), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(), models)
    assert [one.label for one in answer.alternatives] == [0, 1, 2]


@pytest.mark.parametrize("family", ["cnn", "dnn"])
def test_each_model_gives_ten_probabilities_that_sum_to_one(
    make_bundle: MakeBundle, family: Family
):
    models = both(make_bundle(), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p5=255), models)
    probabilities = answer.models[family].probabilities
    assert len(probabilities) == 10
    assert sum(probabilities) == pytest.approx(1)
    assert answer.models[family].label == 5


def test_little_confidence_makes_unsure_and_keeps_the_label(make_bundle: MakeBundle):
    models = both(make_bundle(unsure_below=0.5), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p5=255), models)
    assert answer.confidence == pytest.approx(math.e / (math.e + 9))
    assert (answer.label, answer.unsure, answer.refused) == (5, True, None)


def test_enough_confidence_and_one_opinion_are_sure(make_bundle: MakeBundle):
    models = both(make_bundle(unsure_below=0.2), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p5=255), models)
    assert (answer.label, answer.unsure, answer.refused) == (5, False, None)


def test_models_that_disagree_make_unsure(make_bundle: MakeBundle):
    models = both(make_bundle(gain=4.0), make_bundle(gain=-1.0, family="dnn"))
    (answer,) = read_digits(picture(p0=255), models)
    assert (answer.models["cnn"].label, answer.models["dnn"].label) == (0, 1)
    assert (answer.label, answer.unsure) == (0, True)


def test_a_score_above_the_threshold_is_refused_and_both_models_still_answer(
    make_bundle: MakeBundle,
):
    """The energy of ten logits of which one is 1 is −log(e + 9) = −2.46."""
    refusing = Refusal("energy", -2.5)
    models = both(make_bundle(refusal=refusing, unsure_below=1.0), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p5=255), models)
    assert (answer.label, answer.unsure, answer.refused) == (None, False, "not-a-digit")
    assert answer.confidence == pytest.approx(math.e / (math.e + 9))
    assert {family: model.label for family, model in answer.models.items()} == {"cnn": 5, "dnn": 5}


def test_a_score_below_the_threshold_is_read(make_bundle: MakeBundle):
    models = both(make_bundle(refusal=Refusal("energy", -2.4)), make_bundle(family="dnn"))
    (answer,) = read_digits(picture(p5=255), models)
    assert answer.label == 5


def test_several_digits_are_answered_in_order(make_bundle: MakeBundle):
    models = both(make_bundle(), make_bundle(family="dnn"))
    pictures = np.concatenate([picture(p8=255), picture(p1=255), picture(p8=255)])
    assert [answer.label for answer in read_digits(pictures, models)] == [8, 1, 8]


def test_no_digits_need_no_models():
    assert read_digits(np.zeros((0, 28, 28), np.uint8), {}) == []


@pytest.mark.parametrize(
    "outputs, refusal", [(10, Refusal("energy", 0.0)), (11, Refusal("eleventh-output", 0.5))]
)
def test_a_judge_gives_ten_digits_and_none(make_bundle: MakeBundle, outputs: int, refusal: Refusal):
    changes = {"outputs": outputs, "refusal": refusal}
    models = both(make_bundle(gain=8.0, **changes), make_bundle(gain=8.0, family="dnn", **changes))
    judged = judge(models)(np.concatenate([picture(p3=255), picture(p7=255)]))
    assert judged.shape == (2, 11)
    assert judged.sum(axis=1) == pytest.approx(1)
    assert judged[:, :10].argmax(axis=1).tolist() == [3, 7]
