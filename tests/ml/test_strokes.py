"""Strokes from strangers are checked; strokes that pass are drawn with MNIST's pen."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import strokes
from ml.strokes import TooManyPointsError, parse_strokes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def parse(value: Any) -> list[strokes.Stroke]:
    return parse_strokes(value, max_points=100)


def line(*points: tuple[float, float]) -> list[strokes.Stroke]:
    return [np.array(points, dtype=np.float64)]


def test_strokes_become_arrays_of_their_points():
    first, second = parse([[[1, 2], [3.5, 4]], [[5, 6]]])
    assert first.tolist() == [[1, 2], [3.5, 4]]
    assert second.tolist() == [[5, 6]]
    assert first.dtype == np.float64


def test_time_and_pressure_may_stand_behind_a_point():
    milliseconds_since_1970 = 1_790_000_000_000
    assert parse([[[1, 2, milliseconds_since_1970], [3, 4, 17.5, 0.5]]])[0].shape == (2, 2)


def test_a_stroke_without_points_is_left_out():
    assert [len(stroke) for stroke in parse([[], [[1, 2]], []])] == [1]


@pytest.mark.parametrize(
    "value, message",
    [
        (None, "strokes must be a list of strokes, not null."),
        ({}, "strokes must be a list of strokes, not an object."),
        ("[[[1, 2]]]", "strokes must be a list of strokes, not a text."),
        ([1], "strokes[0] must be a list of points, not a number."),
        ([[[1, 2]], "x"], "strokes[1] must be a list of points, not a text."),
        ([[1, 2]], "strokes[0][0] must be [x, y] or [x, y, milliseconds, pressure]."),
        ([[[1]]], "strokes[0][0] must be [x, y] or [x, y, milliseconds, pressure]."),
        ([[[1, 2, 3, 4, 5]]], "strokes[0][0] must be [x, y] or [x, y, milliseconds, pressure]."),
        ([[[1, 2], [1, "2"]]], "strokes[0][1] must hold finite numbers, not a text."),
        ([[[1, True]]], "strokes[0][0] must hold finite numbers, not true or false."),
        ([[[1, None]]], "strokes[0][0] must hold finite numbers, not null."),
        ([[[1, [[2]]]]], "strokes[0][0] must hold finite numbers, not a list."),
        ([[[1, 2, 0, {}]]], "strokes[0][0] must hold finite numbers, not an object."),
        ([[[1e7, 2]]], "strokes[0][0] lies outside ±1,000,000."),
        ([[[1, -(10**400)]]], "strokes[0][0] lies outside ±1,000,000."),
    ],
)
def test_what_is_malformed_is_said_with_its_place(value: Any, message: str):
    with pytest.raises(ValueError, match=r"must|lies") as caught:
        parse(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_numbers_that_are_not_finite_are_refused_wherever_they_stand(number: str, place: int):
    point: list[Any] = [1, 2, 3, 4]
    point[place] = json.loads(number)
    with pytest.raises(ValueError, match=r"finite numbers, not an infinite number or NaN\.$"):
        parse([[point]])


def test_as_many_points_as_the_limit_are_read_and_one_more_is_not():
    assert len(parse([[[0, 0]] * 60, [[1, 1]] * 40])) == 2
    with pytest.raises(TooManyPointsError, match="has 101 points; at most 100 are read"):
        parse([[[0, 0]] * 60, [[1, 1]] * 41])


def test_points_are_counted_before_any_of_them_is_looked_at():
    with pytest.raises(TooManyPointsError):
        parse([["no point"] * 1_000_000])


@given(JSON)
def test_any_json_is_strokes_or_a_value_error(value: Any):
    try:
        found = parse(value)
    except ValueError:
        return
    assert all(np.isfinite(stroke).all() and stroke.shape[1] == 2 for stroke in found)


def test_bounds_enclose_all_strokes():
    assert strokes.bounds([*line((3, 9), (5, 7)), *line((4, 20))]) == (3, 7, 5, 20)


@pytest.mark.parametrize(
    "points, blank",
    [
        ([(100, 100)], True),
        ([(100, 100), (105.5, 100)], True),
        ([(100, 100), (105.7, 100)], False),
        ([(100, 100), (100, 240)], False),
    ],
)
def test_less_than_two_hundredths_of_the_canvas_is_a_slip_of_the_pen(points: Any, blank: bool):
    assert strokes.is_blank(line(*points), 280) is blank


def test_no_strokes_are_blank():
    assert strokes.is_blank([], 280)


def test_the_pen_has_its_width_in_mnist_pixels_whatever_the_size_drawn():
    for height in (30, 140, 5000):
        ink = strokes.render(line((0, 0), (0, height)))
        rows_with_ink = (ink > 127).any(axis=1).sum()
        middle = ink[ink.shape[0] // 2]
        assert rows_with_ink == pytest.approx(20 * strokes.SUPERSAMPLING, abs=2)
        assert (middle > 127).sum() == pytest.approx(2.4 * strokes.SUPERSAMPLING, abs=1)


def test_one_point_is_a_round_dot():
    ink = strokes.render(line((7, 7)))
    side = 2.4 * strokes.SUPERSAMPLING
    assert (ink > 127).sum() == pytest.approx(np.pi / 4 * side**2, rel=0.1)


def test_place_and_size_of_a_drawing_make_no_difference():
    shape = np.array([[0, 0], [60, 10], [20, 100]], dtype=np.float64)
    assert (strokes.render([shape]) == strokes.render([shape * 2 + (31, 7)])).all()


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=5, unique=True
    )
)
def test_whatever_lies_on_the_canvas_is_drawn_in_a_small_picture(points: list[Any]):
    ink = strokes.render(line(*points))
    assert ink.any()
    assert max(ink.shape) <= 23 * strokes.SUPERSAMPLING
