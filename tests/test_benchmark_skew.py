"""Numbers and pages that are put askew to be measured."""

import numpy as np
import pytest

from benchmarks.numbers import Number, Sample
from benchmarks.skew import (
    NUM_LINES,
    PAGE_SIZE,
    climbing,
    some_pages,
    turned,
    turned_page,
    without_slant,
    written,
)
from ml.preprocessing import ink_box
from tests import pen, row

NUMBER = Number("25", [row.strokes("2"), row.strokes("5", left=140)])


def test_positive_angles_turn_clockwise_and_keep_the_size():
    (turned_one,) = turned(Number("1", [[np.array([[0.0, 0.0], [10.0, 0.0]])]]), 30).digits[0]
    assert turned_one[1] == pytest.approx([8.66, 5], abs=0.01)


def test_a_line_that_climbs_keeps_its_digits_upright():
    (moved,) = climbing(
        Number("1", [[np.array([[0.0, 0.0], [0.0, 9.0], [10.0, 0.0]])]]), 45
    ).digits[0]
    assert moved == pytest.approx(np.array([[0, 0], [0, 9], [10, 10]]))


def test_pages_have_lines_one_below_the_other():
    samples = [Sample(label, [np.array(one) for one in pen.write(label)]) for label in range(10)]
    (page,) = some_pages({"one": samples}, 1, np.random.default_rng(1))
    assert page.text.count("\n") == NUM_LINES - 1
    assert len(page.digits) == len(page.text.replace("\n", ""))


def test_what_is_written_askew_lies_on_the_page():
    page = written(turned(NUMBER, 15), np.random.default_rng(1))
    points = np.concatenate(page.strokes)
    assert (points >= 0).all()
    assert (points <= PAGE_SIZE).all()


def test_a_turned_page_holds_all_of_it():
    """Clockwise, so that what is near the upper left corner moves to the right."""
    sheet = np.full((100, 200), 255, np.uint8)
    sheet[20:30, 20:30] = 0
    seen = turned_page(sheet, 10)
    box = ink_box(255 - seen)
    assert seen.shape == (134, 215)
    assert box is not None
    assert box == pytest.approx((32, 23, 12, 12), abs=2)


def test_a_leaning_stroke_is_set_upright():
    (upright,) = without_slant([np.array([[40.0, 0.0], [0.0, 100.0]])])
    assert np.ptp(upright[:, 0]) < 4
