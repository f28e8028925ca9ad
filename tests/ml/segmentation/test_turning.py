"""Lines of writing that stand askew: how far, and what is read in them."""

import cv2
import numpy as np
import pytest

from ml import images
from ml.preprocessing import Ink, ink_box
from ml.segmentation import Judge, Source, digits_in_ink, digits_in_strokes, in_box
from ml.segmentation.layout import slope_of, union
from ml.segmentation.lines import skew_of
from ml.segmentation.paper import pieces_of
from ml.segmentation.pieces import InkPiece, StrokePiece
from ml.segmentation.turning import in_drawing, in_picture, upright, upright_stroke
from tests import pen, row
from tests.ml.segmentation.test_drawing import reading

NUMBER = "2507"
LINES = "40752\n368\n9126"


def askew(strokes: list, degrees: float) -> list:
    """Turn strokes clockwise about the corner, and move them back onto the paper."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = [stroke @ np.array([[cos, sin], [-sin, cos]]) for stroke in strokes]
    low = np.concatenate(turned).min(axis=0)
    return [stroke - low + 30 for stroke in turned]


def ink_of(text: str, degrees: float) -> Ink:
    return row.ink(askew(row.strokes(text), degrees))


@pytest.mark.parametrize("degrees", [-15, -10, -8, 8, 10, 15])
def test_the_skew_of_some_lines_is_found(degrees: float):
    assert skew_of(pieces_of(ink_of(LINES, degrees))) == pytest.approx(degrees, abs=2)


@pytest.mark.parametrize("degrees", [-4, 4])
def test_what_stands_a_little_askew_is_left_as_it_is(degrees: float):
    assert skew_of(pieces_of(ink_of(LINES, degrees))) == 0


@pytest.mark.parametrize("text", ["1", "7", "1\n1\n1\n1\n1", "4\n7", "2507"])
def test_what_stands_straight_is_not_turned(text: str):
    assert skew_of(pieces_of(ink_of(text, 0))) == 0


@pytest.mark.parametrize("degrees", [-12, 12])
def test_a_column_of_ones_tells_nothing(degrees: float):
    """It may be turned, or written aslant."""
    assert skew_of(pieces_of(ink_of("1\n1\n1\n1", degrees))) == 0


def test_lines_are_taken_to_be_level_unless_several_digits_say_otherwise():
    """Ten at a tenth down each: 8.25 = 0.1 * 82.5 over 82.5 and half a squared height."""
    ten = [(50.0 * at, 5.0 * at, 30, 50) for at in range(10)]
    assert slope_of(ten) == pytest.approx(8.25 / 83.0)
    assert slope_of(ten[:2]) == pytest.approx(0.05 / 1.0)
    assert slope_of(ten[:1]) == slope_of([]) == 0


def test_digits_scattered_on_a_page_are_no_line():
    assert slope_of([(0, 0, 30, 50), (50, 25, 30, 50), (100, 50, 30, 50)]) == 0


@pytest.mark.parametrize("degrees", [-14, -8, 8, 14])
@pytest.mark.parametrize("text", [NUMBER, LINES])
def test_a_page_that_is_turned_reads_as_a_straight_one(text: str, degrees: float, judge: Judge):
    assert reading(digits_in_ink(ink_of(text, degrees), 1.0, judge), judge) == text


def test_lines_are_not_mixed_where_their_digits_stand_far_apart(judge: Judge):
    strokes = askew(row.strokes("2 5 7 3\n8 0 9 4".replace(" ", ""), gap=220), 10)
    assert reading(digits_in_ink(row.ink(strokes), 1.0, judge), judge) == "2573\n8094"


def test_each_digit_is_upright_before_it_is_read(judge: Judge):
    straight = digits_in_ink(ink_of(LINES, 0), 1.0, judge)
    turned = digits_in_ink(ink_of(LINES, 12), 1.0, judge)
    differences = [
        np.abs(one.picture.astype(int) - other.picture.astype(int)).mean()
        for one, other in zip(straight, turned, strict=True)
    ]
    assert np.mean(differences) < 10


def alone(at: int, degrees: float) -> tuple[int, int, int, int]:
    """Return where one digit of the number lies in the picture of all of them."""
    strokes = askew(row.strokes(NUMBER), degrees)
    counts = np.cumsum([0, *(len(pen.write(int(one), seed)) for seed, one in enumerate(NUMBER))])
    whole = row.ink(strokes)
    own = row.ink(strokes[counts[at] : counts[at + 1]])
    page = np.zeros_like(whole)
    page[: own.shape[0], : own.shape[1]] = own[: page.shape[0], : page.shape[1]]
    box = ink_box(page)
    assert box is not None
    return box


@pytest.mark.parametrize("degrees", [-12, 12])
def test_boxes_are_those_of_the_picture_as_it_stands(degrees: float, judge: Judge):
    found = digits_in_ink(ink_of(NUMBER, degrees), 3.0, judge)
    assert len(found) == len(NUMBER)
    for at, digit in enumerate(found):
        assert np.array(digit.box) / 3 == pytest.approx(alone(at, degrees), abs=3)


def test_a_box_chosen_by_hand_is_read_upright_too(judge: Judge):
    picture = images.to_png(255 - ink_of(NUMBER, 12))
    photo = images.decode(picture, max_pixels=10**6)
    found = digits_in_ink(photo.ink, photo.scale, judge)
    again = [in_box(Source.of_picture(photo), digit.box) for digit in found]
    assert reading(again, judge) == NUMBER
    for one, other in zip(found, again, strict=True):
        assert other.box == pytest.approx(one.box, abs=2)


def test_a_piece_is_turned_about_the_corner_of_the_picture():
    ink = np.full((3, 3), 255, np.uint8)
    turned = upright(InkPiece(ink, 99, -1), -90)
    assert (turned.x, turned.y, turned.ink.shape) == (-1, 99, (3, 3))
    assert upright(InkPiece(ink, 5, 6), 0).box == (5, 6, 3, 3)


def test_a_box_of_the_upright_ink_is_led_back_to_what_lies_in_it():
    ink = np.zeros((200, 200), np.uint8)
    cv2.line(ink, (100, 40), (120, 160), 255, 9)
    (piece,) = pieces_of(ink)
    box = upright(piece, 10).box
    assert in_picture(box, 10, ink) == pytest.approx(piece.box, abs=1)
    assert in_picture((1, 1, 3, 3), 10, ink) == pytest.approx((0, 1, 5, 4), abs=2)


def test_digits_have_their_place_in_the_turned_line(judge: Judge):
    found = digits_in_ink(ink_of(LINES, -14), 1.0, judge)
    places = [(digit.line, digit.position) for digit in found]
    assert places == [
        (line, at) for line, text in enumerate(LINES.split()) for at in range(len(text))
    ]


@pytest.mark.parametrize("degrees", [-14, -8, 8, 14])
@pytest.mark.parametrize("text", [NUMBER, LINES])
def test_a_drawing_that_is_turned_reads_as_a_straight_one(text: str, degrees: float, judge: Judge):
    found = digits_in_strokes(askew(row.strokes(text), degrees), 900, 900, judge)
    assert reading(found, judge) == text


def test_boxes_of_a_drawing_are_those_of_its_strokes_as_they_were_drawn(judge: Judge):
    drawing = askew(row.strokes(NUMBER), 12)
    found = digits_in_strokes(drawing, 900, 900, judge)
    counts = np.cumsum([0, *(len(pen.write(int(one), seed)) for seed, one in enumerate(NUMBER))])
    for at, digit in enumerate(found):
        own = [StrokePiece(stroke).box for stroke in drawing[counts[at] : counts[at + 1]]]
        assert digit.box == pytest.approx(union(own))


def test_strokes_chosen_by_hand_are_read_upright_too(judge: Judge):
    drawing = askew(row.strokes(NUMBER), 12)
    found = digits_in_strokes(drawing, 900, 900, judge)
    again = [in_box(Source.of_strokes(drawing, 900, 900), digit.box) for digit in found]
    for one, other in zip(found, again, strict=True):
        assert (other.picture == one.picture).all()
        assert other.box == pytest.approx(one.box)


def test_a_stroke_is_turned_about_the_corner_of_the_canvas():
    turned = upright_stroke(StrokePiece(np.array([[0.0, 10.0], [20.0, 10.0]])), -90)
    assert turned.stroke == pytest.approx(np.array([[-10, 0], [-10, 20]]))


def test_a_box_in_which_no_point_lies_is_led_back_to_its_middle():
    drawing = [np.array([[0.0, 0.0], [100.0, 0.0]])]
    assert in_drawing((40, 40, 10, 10), 0, drawing) == (40, 40, 10, 10)
    assert in_drawing((40, -5, 10, 10), 90, drawing)[2:] == (0, 0)
