"""The digits in a picture's ink."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import images, strokes
from ml.segmentation import Judge, digits_in_ink, digits_in_strokes
from tests import pen, row
from tests.ml.segmentation.test_drawing import reading

MNIST = Path(images.__file__).parent / "data" / "mnist.npz"


def blob(ink: np.ndarray, x: int, y: int, width: int, height: int) -> np.ndarray:
    ink[y : y + height, x : x + width] = 255
    return ink


@pytest.fixture
def paper() -> np.ndarray:
    return np.zeros((200, 300), np.uint8)


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


def test_a_dash_beside_a_digit_is_none(paper: np.ndarray):
    blob(blob(paper, 100, 20, 30, 120), 200, 80, 40, 10)
    (found,) = digits_in_ink(paper)
    assert found.box == (100, 20, 30, 120)


def test_the_edge_of_the_page_is_no_digit(paper: np.ndarray):
    blob(blob(paper, 100, 20, 30, 120), 292, 0, 8, 200)
    (found,) = digits_in_ink(paper)
    assert found.box == (100, 20, 30, 120)


def test_the_parts_of_one_digit_stay_together(paper: np.ndarray):
    blob(blob(paper, 100, 20, 60, 10), 110, 36, 30, 100)
    (found,) = digits_in_ink(paper)
    assert found.box == (100, 20, 60, 116)


def test_paper_holds_no_digit(paper: np.ndarray, judge: Judge):
    assert digits_in_ink(paper) == []
    assert digits_in_ink(paper, 1.0, judge) == []


def test_two_specks_at_opposite_corners_hold_no_digit():
    specks = np.zeros((2000, 2000), np.uint8)
    specks[0, 0] = specks[-1, -1] = 255
    assert digits_in_ink(specks) == []


@pytest.mark.parametrize("label", range(10))
def test_a_drawing_and_a_picture_of_it_give_nearly_the_same_digit(label: int, judge: Judge):
    """The picture is drawn with the pen that the strokes are rendered with."""
    drawing = strokes.parse_strokes(pen.write(label), max_points=10_000)
    (drawn,) = digits_in_strokes(drawing, 280, 280, judge)
    (painted,) = digits_in_ink(np.pad(strokes.render(drawing), 40), 1.0, judge)
    difference = np.abs(drawn.picture.astype(int) - painted.picture.astype(int))
    assert difference.mean() < 1


def test_in_a_picture_that_was_cut_out_and_cleaned_every_dot_is_ink():
    prepared = np.zeros((28, 28), np.uint8)
    prepared[4:24, 12:16] = 255
    prepared[5, 20] = 40
    (found,) = digits_in_ink(prepared)
    assert found.box == (12, 4, 9, 20)


@pytest.mark.parametrize("text", ["10", "2025", "40751\n368"])
def test_numbers_are_read_line_by_line(text: str, judge: Judge):
    found = digits_in_ink(row.ink(row.strokes(text)), 1.0, judge)
    assert reading(found, judge) == text


def test_a_prepared_digit_is_never_taken_apart(judge: Judge):
    """Two halves of these look more like digits than the whole does."""
    digits = np.load(MNIST, allow_pickle=False)["x_test"]
    for odd in (445, 1014, 2118):
        (found,) = digits_in_ink(digits[odd], 1.0, judge)
        assert (found.picture == digits[odd]).all()


def test_a_line_of_twenty_digits_is_read(judge: Judge):
    text = "98765432101234567890"
    assert reading(digits_in_ink(row.ink(row.strokes(text)), 1.0, judge), judge) == text


def test_a_line_that_climbs_is_one_line(judge: Judge):
    climbing = [
        stroke - np.column_stack([0 * stroke[:, 0], 0.12 * (stroke[:, 0] - 800)])
        for stroke in row.strokes("12345678")
    ]
    assert reading(digits_in_ink(row.ink(climbing), 1.0, judge), judge) == "12345678"


@pytest.mark.parametrize("text", ["23", "52", "74", "30", "10", "00", "95"])
def test_digits_that_touch_are_cut_apart(text: str, judge: Judge):
    found = digits_in_ink(row.ink(row.strokes(text, gap=2), width=8), 1.0, judge)
    assert reading(found, judge) == text


@pytest.mark.parametrize("seed", range(3))
def test_a_zero_that_is_crossed_out_is_one_digit(seed: int, judge: Judge):
    crossed = [np.array(stroke) for stroke in pen.write_own_way(0, seed)]
    (found,) = digits_in_ink(row.ink(crossed[:2], width=10), 1.0, judge)
    assert reading([found], judge) == "0"


@pytest.mark.parametrize("likely, is_cut", [(0.88, False), (0.6, True)])
def test_only_what_hardly_looks_like_one_digit_is_cut_to_see_whether_it_is_two(
    likely: float, is_cut: bool
):
    asked = []

    def judge(pictures: np.ndarray) -> np.ndarray:
        asked.extend(pictures)
        return np.tile([likely, *[0.0] * 9, 1 - likely], (len(pictures), 1))

    digits_in_ink(row.ink(row.strokes("0")), 1.0, judge)
    assert (len(asked) > 1) == is_cut


@pytest.mark.parametrize("count, found", [(4, 4), (5, 5), (3, 4), (12, 4)])
def test_an_expected_number_of_digits_is_found_where_that_is_possible(
    count: int, found: int, judge: Judge
):
    ink = row.ink(row.strokes("4071"), width=8)
    assert len(digits_in_ink(ink, 1.0, judge)) == 4
    assert len(digits_in_ink(ink, 1.0, judge, count=count)) == found


@settings(max_examples=25)
@given(
    height=st.integers(16, 2_000),
    x=st.floats(0.02, 1),
    y=st.floats(0.02, 1),
    label=st.integers(0, 9),
    bright=st.booleans(),
)
def test_a_digit_is_found_anywhere_at_any_height_dark_or_bright(
    height: int, x: float, y: float, label: int, bright: bool
):
    """What is found does not need a judge, so that this one does not read what it finds."""
    drawn = row.ink(row.strokes(str(label), left=0, top=0), width=10, scale=height / 100)
    drawn = np.pad(drawn, max(2, height // 10))
    page = np.zeros((drawn.shape[0] + 150, drawn.shape[1] + 200), np.uint8)
    left, top = int(x * 190), int(y * 140)
    page[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    levels = page if bright else 255 - page
    photo = images.decode(images.to_png(levels), max_pixels=50_000_000)
    (found,) = digits_in_ink(photo.ink, photo.scale)
    assert found.box[3] == pytest.approx(height + max(1, round(height / 10)), rel=0.1, abs=3)
