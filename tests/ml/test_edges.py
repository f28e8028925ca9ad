"""Strokes known by their edges."""

import cv2
import numpy as np
import pytest

from ml.edges import near_edges, stroke_width
from tests import row


def page(pen: int, *, scale: float = 2.0) -> np.ndarray:
    """Return digits with a pen of some pixels on a page of 600×900."""
    ink = row.ink(row.strokes("352"), width=round(pen / scale), scale=scale)
    sheet = np.zeros((600, 1200), np.uint8)
    sheet[100 : 100 + ink.shape[0], 100 : 100 + ink.shape[1]] = ink
    return sheet


def shade(sheet: np.ndarray, softness: float) -> np.ndarray:
    """Darken a corner of a page, ink being bright."""
    corner = np.zeros(sheet.shape)
    cv2.fillPoly(corner, [np.array([[500, 0], [1200, 0], [1200, 600], [800, 500]])], 1.0)
    soft = cv2.GaussianBlur(corner, (0, 0), softness)
    return (255 - (255 - sheet) * (1 - 0.4 * soft)).astype(np.uint8)


@pytest.mark.parametrize("pen", [6, 12, 24])
def test_the_pen_is_measured(pen: int):
    assert stroke_width(page(pen)) == pytest.approx(pen, rel=0.25, abs=1)


@pytest.mark.parametrize("softness", [3, 20])
def test_the_pen_is_measured_in_a_shadow(softness: float):
    assert stroke_width(shade(page(12), softness)) == pytest.approx(12, rel=0.4)


def test_the_pen_is_measured_in_a_printed_frame():
    sheet = page(16)
    cv2.rectangle(sheet, (40, 40), (1150, 560), 255, 2)
    cv2.rectangle(sheet, (60, 60), (1130, 540), 255, 2)
    assert stroke_width(sheet) == pytest.approx(16, rel=0.25)


def test_blank_paper_shows_no_pen():
    assert stroke_width(np.full((200, 300), 90, np.uint8)) is None


def test_a_soft_patch_is_not_near_a_sharp_edge():
    sheet = page(12)
    patch = np.zeros(sheet.shape)
    patch[420:560, 900:1100] = 200
    ink = np.maximum(sheet, cv2.GaussianBlur(patch, (0, 0), 15).astype(np.uint8))
    near = near_edges(ink, 12)
    assert near[sheet > 0].all()
    assert not near[420:560, 900:1100].any()
