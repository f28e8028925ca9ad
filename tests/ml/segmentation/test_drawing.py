"""The digits in pen strokes."""

from collections.abc import Sequence

import numpy as np
import pytest

from ml.segmentation import FoundDigit, Judge, digits_in_strokes
from ml.strokes import parse_strokes
from tests import pen, row


def reading(found: Sequence[FoundDigit], judge: Judge) -> str:
    """Return what the judge takes the digits for, lines joined by a line break."""
    lines = [""] * (1 + max(digit.line for digit in found))
    for digit in found:
        lines[digit.line] += str(judge(digit.picture[None])[0, :-1].argmax())
    return "\n".join(lines)


def test_a_drawing_is_one_digit_in_the_box_of_its_points():
    stroke = np.array([[50.0, 40.0], [90.0, 180.0]])
    (found,) = digits_in_strokes([stroke], 280, 280)
    assert found.box == (50, 40, 40, 140)
    assert (found.line, found.position) == (0, 0)
    assert found.picture.shape == (28, 28)


def test_nothing_drawn_and_a_dot_hold_no_digit(judge: Judge):
    assert digits_in_strokes([], 280, 280, judge) == []
    assert digits_in_strokes([np.array([[140.0, 140.0]])], 280, 280, judge) == []


def test_the_size_of_the_canvas_tells_a_digit_from_a_dot():
    stroke = np.array([[5.0, 5.0], [5.0, 20.0]])
    assert len(digits_in_strokes([stroke], 28, 28)) == 1
    assert digits_in_strokes([stroke], 2800, 2800) == []


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize("write", [pen.write, pen.write_own_way])
def test_a_single_digit_stays_whole(label: int, write, judge: Judge):
    for seed in range(3):
        drawing = parse_strokes(write(label, seed), max_points=10_000)
        assert len(digits_in_strokes(drawing, 280, 280, judge)) == 1
        assert len(digits_in_strokes(drawing, 280, 280)) == 1


@pytest.mark.parametrize("text", ["10", "2025", "40751", "98765432101234567890"])
def test_a_number_is_read_from_left_to_right(text: str, judge: Judge):
    found = digits_in_strokes(row.strokes(text), 2000, 200, judge)
    assert reading(found, judge) == text
    assert [digit.position for digit in found] == list(range(len(text)))


def test_the_order_of_writing_does_not_matter(judge: Judge):
    drawn = row.strokes("4752")
    assert reading(digits_in_strokes(drawn[::-1], 600, 200, judge), judge) == "4752"


def test_lines_are_read_from_top_to_bottom(judge: Judge):
    found = digits_in_strokes(row.strokes("12\n345\n67"), 600, 600, judge)
    assert reading(found, judge) == "12\n345\n67"
    assert [(digit.line, digit.position) for digit in found[:3]] == [(0, 0), (0, 1), (1, 0)]


def test_digits_that_overlap_are_told_apart(judge: Judge):
    found = digits_in_strokes(row.strokes("3068", gap=-8), 600, 200, judge)
    assert reading(found, judge) == "3068"


def test_a_stroke_that_runs_through_two_digits_is_cut(judge: Judge):
    two, three = row.strokes("23", gap=30)
    found = digits_in_strokes([np.concatenate([two, three])], 400, 200, judge)
    assert reading(found, judge) == "23"


def test_without_a_judge_a_wide_gap_divides():
    assert len(digits_in_strokes(row.strokes("14", gap=60), 400, 200)) == 2
