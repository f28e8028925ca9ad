"""What decided an answer."""

import numpy as np
import pytest

from ml.explanation import draw, explain
from ml.runtime import Recogniser


def picture_with_pixel(at: int) -> np.ndarray:
    """Return a blank with one white pixel in the uppermost row."""
    picture = np.zeros((28, 28), np.uint8)
    picture[0, at] = 255
    return picture


@pytest.fixture(scope="module")
def recogniser(make_bundle):
    """Return a model whose logit d is 8 times the grey of pixel d of the uppermost row."""
    return Recogniser(make_bundle(gain=8.0))


def test_the_place_that_decides_speaks_for_the_answer(recogniser):
    importance = explain(picture_with_pixel(7), recogniser, 7)

    assert importance[0, 7] == pytest.approx(1.0)
    assert np.abs(importance[20:, 20:]).max() == 0


def test_the_same_place_speaks_against_another_answer(recogniser):
    importance = explain(picture_with_pixel(7), recogniser, 2)

    assert importance[0, 7] == pytest.approx(-1.0)


def test_a_blank_is_decided_by_nothing(recogniser):
    assert not explain(np.zeros((28, 28), np.uint8), recogniser, 3).any()


def test_the_picture_is_grey_where_nothing_decides_and_coloured_where_something_does(recogniser):
    picture = picture_with_pixel(7)
    drawn = draw(picture, explain(picture, recogniser, 7))

    assert drawn.shape == (280, 280, 3)
    assert drawn.dtype == np.uint8
    assert (drawn[250, 250] == 255).all()
    red, _, blue = map(int, drawn[5, 75])
    assert red > blue + 50
