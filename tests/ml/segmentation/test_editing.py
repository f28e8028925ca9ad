"""Boxes put together and cut by hand."""

import numpy as np
import pytest

from ml import images
from ml.segmentation import Judge, Source, digits_in_ink, digits_in_strokes, in_box, split
from ml.segmentation.layout import union
from tests import row
from tests.ml.segmentation.test_drawing import reading

DRAWN = row.strokes("375")


@pytest.fixture(params=["strokes", "picture"])
def found(request: pytest.FixtureRequest, judge: Judge):
    """A number as a source, and the digits found in it."""
    if request.param == "strokes":
        source = Source.of_strokes(DRAWN, 500, 200)
        return source, digits_in_strokes(DRAWN, 500, 200, judge)
    photo = images.decode(images.to_png(255 - row.ink(DRAWN)), max_pixels=10**6)
    return Source.of_picture(photo), digits_in_ink(photo.ink, photo.scale, judge)


def test_the_ink_in_a_digits_own_box_is_that_digit(found):
    source, digits = found
    for digit in digits:
        again = in_box(source, digit.box)
        assert again.box == pytest.approx(digit.box, abs=1)
        assert np.abs(again.picture.astype(int) - digit.picture.astype(int)).mean() < 3


def test_two_boxes_are_merged_to_one_digit(found):
    source, digits = found
    around = union([digits[0].box, digits[1].box])
    assert in_box(source, around).box == pytest.approx(around, abs=1)


def test_a_box_around_two_digits_is_split_where_it_reads_best(found, judge: Judge):
    source, digits = found
    halves = split(source, union([digits[0].box, digits[1].box]), judge)
    assert reading(halves, judge) == "37"
    for half, digit in zip(halves, digits, strict=False):
        assert half.box == pytest.approx(digit.box, abs=3)


def test_touching_digits_are_split_by_hand(judge: Judge):
    ink = row.ink(row.strokes("23", gap=2))
    source = Source(ink=ink)
    height, width = ink.shape
    assert reading(split(source, (0, 0, width, height), judge), judge) == "23"


def test_a_box_without_ink_is_an_error(found):
    source, _ = found
    for edit in (in_box, split):
        with pytest.raises(ValueError, match="no ink in this box"):
            edit(source, (0, 0, 5, 5))


def test_a_dot_cannot_be_split():
    dot = Source.of_strokes([np.array([[10.0, 10.0], [12.0, 10.0]])], 100, 100)
    with pytest.raises(ValueError, match="nothing to cut"):
        split(dot, (10, 10, 2, 1))
