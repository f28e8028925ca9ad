"""Ink told from its paper in bad light."""

import cv2
import numpy as np
import pytest

from ml.background import ink_of
from ml.segmentation import digits_in_ink
from tests import row

WRITTEN = row.ink(row.strokes("35"), width=8).astype(float) / 255


def seen(light: np.ndarray | float, *, paper: float = 235, ink: float = 60, grain: float = 0):
    """Return what a camera sees of a page with digits."""
    sheet = (paper - (paper - ink) * WRITTEN) * light
    noise = np.random.default_rng(1).normal(0, grain, sheet.shape) if grain else 0
    return np.clip(sheet + noise, 0, 255).astype(np.uint8)


def agrees(ink: np.ndarray) -> float:
    """Return the part of pixels that are told right."""
    return float(((ink > 127) == (WRITTEN > 0.5)).mean())


HEIGHT, WIDTH = WRITTEN.shape
SLANTING = np.linspace(1, 0.35, WIDTH)[None] * np.linspace(0.9, 1, HEIGHT)[:, None]


@pytest.mark.parametrize("light", [1.0, SLANTING, SLANTING[:, ::-1]])
@pytest.mark.parametrize("grain", [0, 3])
def test_the_light_may_fall_as_it_likes(light, grain: float):
    assert agrees(ink_of(seen(light, grain=grain))) > 0.985


def test_a_thin_pencil_is_ink():
    assert agrees(ink_of(seen(SLANTING, ink=150, grain=3))) > 0.985


@pytest.mark.parametrize("grain", [0, 3])
def test_chalk_on_a_board_is_ink(grain: float):
    assert agrees(ink_of(seen(SLANTING * 0.9 + 0.1, paper=45, ink=225, grain=grain))) > 0.98


def test_the_table_around_a_page_does_not_turn_its_ink_around():
    page = np.full((600, 800), 30, np.uint8)
    page[40:560, 60:740] = 230
    page[200 : 200 + HEIGHT, 200 : 200 + WIDTH] = seen(1.0, paper=230)
    found = ink_of(page)[200 : 200 + HEIGHT, 200 : 200 + WIDTH]
    assert agrees(found) > 0.98


@pytest.mark.parametrize("grain", [0, 2, 4, 8])
def test_paper_by_itself_has_no_ink(grain: float):
    noise = np.random.default_rng(2).normal(0, grain, (500, 700))
    sheet = 200 * np.linspace(0.4, 1, 700)[None] + noise
    assert digits_in_ink(ink_of(np.clip(sheet, 0, 255).astype(np.uint8))) == []


@pytest.mark.parametrize("softness", [2, 10])
@pytest.mark.parametrize("corner", [(0, 0), (60, 40)])
def test_the_shadow_of_a_hand_is_no_ink(softness: float, corner: tuple[int, int]):
    page = np.pad(255 - 195 * WRITTEN, 200, constant_values=255)
    hand = np.zeros(page.shape)
    palm = np.array([[180, 260], [330, 240], [420, 330], [400, 560], [200, 560]])
    cv2.fillPoly(hand, [palm - corner], 1.0)
    shade = cv2.GaussianBlur(hand, (0, 0), softness)
    found = ink_of((page * (1 - 0.45 * shade)).astype(np.uint8))
    inside = np.s_[200 : 200 + HEIGHT, 200 : 200 + WIDTH]
    assert agrees(found[inside]) > 0.98
    found[inside] = 0
    assert digits_in_ink(found) == []


def test_the_opposite_polarity_gives_the_same_ink():
    levels = seen(SLANTING)
    found, opposite = ink_of(levels) > 127, ink_of(255 - levels) > 127
    assert (found == opposite).mean() > 0.97
