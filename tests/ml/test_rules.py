"""Printed lines are taken away; what a hand wrote stays."""

import cv2
import numpy as np
import pytest

from ml.rules import without_rules
from tests import row

SHAPE = (500, 700)


def written(text: str = "274") -> np.ndarray:
    """Return digits somewhere on a page."""
    page = np.zeros(SHAPE, np.uint8)
    ink = row.ink(row.strokes(text), width=10)
    page[150 : 150 + ink.shape[0], 160 : 160 + ink.shape[1]] = ink
    return page


def lined(spacing: int, tilt: float, *, across: bool) -> np.ndarray:
    """Return a page with level lines, and upright ones with `across`, turned by some degrees."""
    lines = np.zeros(SHAPE, np.uint8)
    lines[10::spacing] = lines[11::spacing] = 255
    if across:
        lines[:, 5::spacing] = lines[:, 6::spacing] = 255
    turn = cv2.getRotationMatrix2D((350, 250), tilt, 1.0)
    return cv2.warpAffine(lines, turn, SHAPE[::-1], borderMode=cv2.BORDER_REPLICATE)


def cleaned(page: np.ndarray) -> np.ndarray:
    return without_rules(page, page > 60)


def part_kept(page: np.ndarray, ink: np.ndarray) -> float:
    return float((page[ink > 128] > 60).mean())


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("tilt", [0.0, 1.5, -3.0])
def test_rules_and_squares_go_and_digits_stay(across: bool, tilt: float):
    ink = written()
    page = cleaned(np.maximum(ink, lined(60, tilt, across=across)))
    assert part_kept(page, ink) > 0.95
    away = cv2.dilate(ink, np.ones((9, 9), np.uint8)) == 0
    assert (page[away] > 128).mean() < 0.003


def test_a_frame_goes_and_what_it_holds_stays():
    ink = written()
    page = ink.copy()
    cv2.rectangle(page, (150, 140), (600, 340), 255, 3)
    page = cleaned(page)
    assert part_kept(page, ink) > 0.98
    assert not page[140].any()
    assert not page[:, 600].any()


def test_a_frame_that_the_edge_of_the_picture_cuts_off_goes():
    ink = written()
    page = ink.copy()
    cv2.rectangle(page, (120, 120), (800, 360), 255, 3)
    page = cleaned(page)
    assert part_kept(page, ink) > 0.98
    assert not page[120].any()
    assert not page[:, 120].any()


def test_a_frame_that_runs_slowly_into_the_edge_of_the_picture_goes():
    """Its lower line fades away two pixels before the edge."""
    ink = written()
    page = ink.copy()
    corners = [(640, 498), (640, 120), (110, 110), (110, 494), (460, 497)]
    cv2.polylines(page, [np.array(corners, np.int32)], False, 255, 3)
    page[498:] = 0
    page = cleaned(page)
    assert part_kept(page, ink) > 0.98
    assert not page[200:480, 105:115].any()
    assert not page[200:480, 635:645].any()


def test_strokes_that_cross_a_frame_stay_whole():
    ink = written("7")
    page = ink.copy()
    cv2.rectangle(page, (100, 220), (400, 400), 255, 2)
    assert part_kept(cleaned(page), ink) > 0.95


@pytest.mark.parametrize("text", ["0", "1", "4", "7", "8"])
def test_a_digit_by_itself_is_no_line_and_no_frame(text: str):
    ink = row.ink(row.strokes(text), width=10, scale=4)
    assert (cleaned(ink) == ink).all()


def test_the_bars_of_a_row_of_fours_are_no_rule():
    ink = row.ink(row.strokes("494949494949"), width=7, scale=0.7)
    assert (cleaned(ink) == ink).all()


@pytest.mark.parametrize("gap", [0, 8])
def test_the_bars_of_ten_crowded_lines_are_no_rules(gap: float):
    line = "44947464174044249484"
    text = "\n".join(line[at:] + line[:at] for at in range(10))
    ink = row.ink(row.strokes(text, gap=gap), width=8, scale=0.9)
    assert (cleaned(ink) == ink).all()


def test_rules_as_dark_as_the_ink_go_too():
    ink = written()
    page = cleaned(np.maximum(ink, lined(60, 1.5, across=False)))
    away = cv2.dilate(ink, np.ones((9, 9), np.uint8)) == 0
    assert (page[away] > 128).mean() < 0.003
