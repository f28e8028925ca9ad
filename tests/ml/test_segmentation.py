"""The digits in a drawing or in a picture's ink, and where they are."""

import numpy as np
import pytest

from ml.segmentation import digits_in_ink, digits_in_strokes
from tests import pen


def blob(ink: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    ink[y : y + height, x : x + width] = 255
    return ink


@pytest.fixture
def paper() -> np.ndarray:
    return np.zeros((200, 300), np.uint8)


def test_a_drawing_is_one_digit_in_the_box_of_its_points():
    stroke = np.array([[50.0, 40.0], [90.0, 180.0]])
    (found,) = digits_in_strokes([stroke], 280, 280)
    assert found.box == (50, 40, 40, 140)
    assert (found.line, found.position) == (0, 0)
    assert found.picture.shape == (28, 28)


def test_nothing_drawn_and_a_dot_hold_no_digit():
    assert digits_in_strokes([], 280, 280) == []
    assert digits_in_strokes([np.array([[140.0, 140.0]])], 280, 280) == []


def test_the_size_of_the_canvas_tells_a_digit_from_a_dot():
    stroke = np.array([[5.0, 5.0], [5.0, 20.0]])
    assert len(digits_in_strokes([stroke], 28, 28)) == 1
    assert digits_in_strokes([stroke], 2800, 2800) == []


def test_ink_is_one_digit_in_its_box(paper: np.ndarray):
    (found,) = digits_in_ink(blob(paper, 100, 20, 30, 120))
    assert found.box == (100, 20, 30, 120)


def test_the_box_is_given_in_pixels_of_the_picture_that_came_in(paper: np.ndarray):
    (found,) = digits_in_ink(blob(paper, 100, 20, 30, 120), scale=2.5)
    assert found.box == (250, 50, 75, 300)


def test_specks_do_not_stretch_the_box(paper: np.ndarray):
    blob(blob(paper, 100, 20, 30, 120), 290, 190, 3, 3)
    (found,) = digits_in_ink(paper)
    assert found.box == (100, 20, 30, 120)


def test_the_parts_of_one_digit_stay_together(paper: np.ndarray):
    blob(blob(paper, 100, 20, 60, 10), 110, 60, 30, 80)
    (found,) = digits_in_ink(paper)
    assert found.box == (100, 20, 60, 120)


def test_paper_holds_no_digit(paper: np.ndarray):
    assert digits_in_ink(paper) == []


def test_two_specks_at_opposite_corners_hold_no_digit():
    specks = np.zeros((2000, 2000), np.uint8)
    specks[0, 0] = specks[-1, -1] = 255
    assert digits_in_ink(specks) == []


@pytest.mark.parametrize("label", range(10))
def test_a_drawing_and_a_picture_of_it_give_nearly_the_same_digit(label: int):
    """The picture is drawn with the pen that the strokes are rendered with."""
    from ml import strokes

    drawing = strokes.parse_strokes(pen.write(label), max_points=10_000)
    (drawn,) = digits_in_strokes(drawing, 280, 280)
    (painted,) = digits_in_ink(np.pad(strokes.render(drawing), 40))
    difference = np.abs(drawn.picture.astype(int) - painted.picture.astype(int))
    assert difference.mean() < 1


def test_in_a_picture_that_was_cut_out_and_cleaned_every_dot_is_ink():
    prepared = np.zeros((28, 28), np.uint8)
    prepared[4:24, 12:16] = 255
    prepared[5, 20] = 40
    (found,) = digits_in_ink(prepared)
    assert found.box == (12, 4, 9, 20)
