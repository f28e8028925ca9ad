"""Boxes in lines, and the order in which they are read."""

import numpy as np
import pytest

from ml.segmentation import FoundDigit, in_reading_order
from ml.segmentation.layout import lines_of, shared_height, shared_width, union

PICTURE = np.zeros((28, 28), np.uint8)


def test_a_union_is_the_smallest_box_around_all():
    assert union([(10, 20, 5, 5), (0, 22, 4, 30)]) == (0, 20, 15, 32)


def test_shared_sides_are_parts_of_the_smaller_box():
    assert shared_width((0, 0, 10, 1), (5, 0, 10, 1)) == 0.5
    assert shared_width((0, 0, 10, 1), (20, 0, 10, 1)) == 0
    assert shared_width((0, 0, 10, 1), (4, 0, 1, 1), narrow=4) == 0.25
    assert shared_height((0, 0, 1, 10), (0, 8, 1, 4)) == pytest.approx(0.5)


def test_lines_may_climb_and_fall():
    boxes = [(50.0 * at, 200 + 9 * at, 30, 40) for at in range(10)]
    above = [(50.0 * at, 120 + 9 * at, 30, 40) for at in range(10)]
    assert lines_of([*boxes, *above]) == [list(range(10, 20)), list(range(10))]


def test_boxes_far_apart_stand_in_one_line_if_the_other_lines_fall_as_they_do():
    """From one of the first boxes to the next their line falls by two thirds of their height."""
    far = [(200.0 * at, 100 + 32 * at, 30, 50) for at in range(4)]
    close = [(40.0 * at, 300 + 6.4 * at, 30, 50) for at in range(12)]
    assert lines_of(far) == [[0], [1], [2], [3]]
    assert lines_of([*far, *close]) == [list(range(4)), list(range(4, 16))]


def test_digits_are_put_in_reading_order():
    boxes = [(100, 100, 20, 40), (10, 5, 20, 40), (60, 10, 20, 40), (12, 104, 20, 40)]
    ordered = in_reading_order([FoundDigit(PICTURE, box) for box in boxes])
    assert [digit.box for digit in ordered] == [boxes[1], boxes[2], boxes[3], boxes[0]]
    assert [(digit.line, digit.position) for digit in ordered] == [(0, 0), (0, 1), (1, 0), (1, 1)]
