"""A fine pen on a large picture is made as wide as MNIST's."""

import cv2
import numpy as np
import pytest

from ml.pen_width import WORKING_SIDE, pen_width, with_wide_pen
from ml.preprocessing import BOX_SIDE, prepare
from ml.segmentation import digits_in_ink, digits_in_strokes
from ml.strokes import PEN_WIDTH, parse_strokes
from tests import pen


def bar(width: int, length: int = 400) -> np.ndarray:
    """Return an upright bar of ink and nothing around it."""
    return np.full((length, width), 255, np.uint8)


def drawn(label: int, width: int, side: int = 1000) -> np.ndarray:
    """Return a digit drawn on a large picture with a pen of this width in pixels."""
    picture = np.zeros((side, side), np.uint8)
    for stroke in pen.write(label):
        points = np.rint(np.array(stroke) * (side / pen.CANVAS) * 16).astype(np.int32)
        cv2.polylines(picture, [points], False, 255, width, cv2.LINE_AA, 4)
    return picture


@pytest.mark.parametrize("width", [4, 10, 31, 60])
def test_the_width_of_a_bar_is_measured_to_a_tenth_or_a_pixel(width: int):
    assert pen_width(bar(width)) == pytest.approx(width, rel=0.1, abs=1)


def test_a_slanted_line_is_as_wide_as_an_upright_one():
    picture = np.zeros((400, 400), np.uint8)
    cv2.line(picture, (50, 50), (350, 350), 255, 20)
    assert pen_width(picture) == pytest.approx(20, rel=0.1)


def test_a_thin_pen_becomes_as_wide_as_mnists():
    wide = with_wide_pen(bar(4))
    assert pen_width(wide) == pytest.approx(PEN_WIDTH * WORKING_SIDE / BOX_SIDE, rel=0.2)


@pytest.mark.parametrize("width", [40, 60])
def test_a_pen_that_is_wide_enough_is_left_as_it_is(width: int):
    ink = bar(width)
    assert with_wide_pen(ink) is ink


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize("width", [3, 8, 20])
def test_whatever_the_pen_the_models_see_nearly_what_strokes_give(label: int, width: int):
    strokes = parse_strokes(pen.write(label), max_points=10_000)
    (wanted,) = digits_in_strokes(strokes, pen.CANVAS, pen.CANVAS)
    (found,) = digits_in_ink(drawn(label, width))
    assert np.abs(found.picture.astype(int) - wanted.picture.astype(int)).mean() < 12
    assert found.picture.max() > 200


def test_without_it_a_fine_pen_would_fade():
    assert prepare(drawn(3, 3)).max() < 128


def test_a_small_picture_keeps_its_pen():
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 14] = 255
    (found,) = digits_in_ink(digit)
    assert found.picture.sum() == digit.sum()
