"""Marks and edges by which a page is straightened."""

import cv2
import numpy as np
import pytest

from ml.corners import marks_in, page_in

SHAPE = (900, 640)
MARKS = np.array([[40, 40], [600, 40], [600, 860], [40, 860]], float)


def marked(kind: str) -> np.ndarray:
    """Return a page with a mark in each corner and a few other things on it."""
    page = np.full(SHAPE, 255, np.uint8)
    for x, y in MARKS.astype(int):
        if kind == "squares":
            page[y - 12 : y + 13, x - 12 : x + 13] = 0
        else:
            page[y - 2 : y + 3, x - 14 : x + 15] = page[y - 14 : y + 15, x - 2 : x + 3] = 0
    cv2.putText(page, "Name 123", (150, 300), cv2.FONT_HERSHEY_SIMPLEX, 2, 0, 3)
    return page


def turned(page: np.ndarray, degrees: float, paper: int = 255) -> tuple[np.ndarray, np.ndarray]:
    turn = cv2.getRotationMatrix2D((320, 450), degrees, 0.95)
    return cv2.warpAffine(page, turn, SHAPE[::-1], borderValue=paper), turn


@pytest.mark.parametrize("kind", ["squares", "crosses"])
@pytest.mark.parametrize("degrees", [0, 3, -5])
def test_marks_are_found_in_order(kind: str, degrees: float):
    page, turn = turned(marked(kind), degrees)
    found = marks_in(page)
    assert found is not None
    wanted = cv2.transform(MARKS[:, None], turn)[:, 0]
    assert np.abs(found - wanted).max() < 3


def test_a_page_without_marks_has_none():
    page = np.full(SHAPE, 255, np.uint8)
    cv2.putText(page, "12345678", (50, 300), cv2.FONT_HERSHEY_SIMPLEX, 3, 0, 5)
    assert marks_in(page) is None


def test_the_edges_of_a_sheet_on_a_table_are_found():
    table = np.full((800, 1000), 50, np.uint8)
    sheet = np.array([[200, 90], [820, 130], [790, 720], [170, 680]])
    cv2.fillConvexPoly(table, sheet, 235)
    found = page_in(table)
    assert found is not None
    assert np.abs(found - sheet).max() < 6


@pytest.mark.parametrize("level", [0, 200, 255])
def test_a_picture_that_is_all_page_shows_no_edges(level: int):
    assert page_in(np.full(SHAPE, level, np.uint8)) is None
