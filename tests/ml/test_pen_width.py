"""A fine pen on a large picture is made as wide as MNIST's."""

import cv2
import numpy as np
import pytest

from ml.pen_width import RENDERED_WIDTH, pen_width, with_wide_pen
from ml.preprocessing import BOX_SIDE, ink_box, prepare
from ml.segmentation import digits_in_ink, digits_in_strokes
from ml.strokes import parse_strokes, render
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


@pytest.mark.parametrize("length", [100, 400])
def test_a_thin_pen_becomes_as_wide_as_that_of_strokes(length: int):
    wide = with_wide_pen(bar(4, length))
    assert pen_width(wide) == pytest.approx(RENDERED_WIDTH * max(wide.shape) / BOX_SIDE, rel=0.1)


def test_the_width_of_rendered_strokes_is_known():
    widths = []
    for label in range(10):
        ink = render(parse_strokes(pen.write(label), max_points=10_000))
        box = ink_box(ink)
        assert box is not None
        widths.append(pen_width(ink) * BOX_SIDE / max(box[2:]))
    assert np.median(widths) == pytest.approx(RENDERED_WIDTH, abs=0.05)


@pytest.mark.parametrize("width", [50, 60])
def test_a_pen_that_is_wide_enough_is_left_as_it_is(width: int):
    ink = bar(width)
    assert with_wide_pen(ink) is ink


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize("width", [3, 8, 20])
def test_whatever_the_pen_the_models_see_nearly_what_strokes_give(label: int, width: int):
    strokes = parse_strokes(pen.write(label), max_points=10_000)
    (wanted,) = digits_in_strokes(strokes, pen.CANVAS, pen.CANVAS)
    (found,) = digits_in_ink(drawn(label, width))
    assert np.abs(found.picture.astype(int) - wanted.picture.astype(int)).mean() < 9
    assert found.picture.max() > 200


def test_without_it_a_fine_pen_would_fade():
    assert prepare(drawn(3, 3)).max() < 128


def test_a_small_picture_keeps_its_pen():
    digit = np.zeros((28, 28), np.uint8)
    digit[4:24, 14] = 255
    (found,) = digits_in_ink(digit)
    assert found.picture.sum() == digit.sum()
