"""Ink told from its paper: which of the two is darker, how the light falls, how rough it is."""

import cv2
import numpy as np
import numpy.typing as npt

from ml.edges import near_edges, stroke_width
from ml.preprocessing import Ink
from ml.rules import without_rules

CLEAN_SIDE = 64
"""A picture no larger than this is no photograph: its grey levels are ink, not light."""

MIN_CONTRAST = 24
"""Levels between paper and ink; less is paper grain."""

FAINTEST_RULE = 12
"""Levels by which a printed line differs from its paper; it may be paler than any ink."""

GRAIN = 5.0
"""Ink stands out from the paper by more than this many standard deviations of its grain."""

NOISE_LEVEL = 0.25
"""Ink fainter than this part of the darkest ink is shadow or JPEG noise."""

CLEARLY = 2.0
"""Ink stands out from its surroundings so many times as far as paper from its own."""

NUM_TILES = 6
"""Parts, each way, of which each has a grain of its own."""

COARSE_GRAIN = 3.0
"""Levels; finer grain does no harm."""

COARSEST_GRAIN = 25.0
"""Levels; a part of the picture that varies more is full of ink."""

LEAST_MARKS = 1e-5
"""Fewer of the pixels than this are specks of dust."""

PAPER_SIDE = 400
"""Pixels on the longer side on which it is told whether ink or paper is darker."""

PAPER_KERNEL = 81
"""Pixels of 400: wider than any pen stroke, narrower than a shadow."""

PEN_PIXELS = 4.0
"""The paper is looked for on a picture so small that the pen is so many pixels wide on it."""

PAPER_SIDES = (200, 1_000)
"""Pixels on the longer side of that picture, at least and at most."""

STROKES_WIDE = 3.0
"""What is wider than so many strokes of the pen is a shadow, or paper; strokes that cross or run
together are not."""

LEAST_KERNEL = 9
"""Pixels; a smaller disc is none."""

MAX_CALMED = 9
"""Pixels over which nothing is averaged further; grain is finer."""

CALMED = 0.2
"""Part of the pen's width over which grain is averaged: the stroke stays, the grain does not."""


def ink_of(grey: Ink) -> Ink:
    """Tell ink from paper, whatever the light and whichever is darker.

    Args:
        grey: uint8 (height, width), as it was seen.

    Returns:
        uint8 (height, width), 0 paper and 255 ink.
    """
    darkness = _darkness(grey)
    if max(grey.shape) <= CLEAN_SIDE:
        return _without_paper(darkness)
    pen = stroke_width(darkness) or float(max(grey.shape))
    even = _without_light(darkness, pen)
    grain = _grain(even)
    even = without_rules(even, even > max(FAINTEST_RULE, 3 * grain))
    if grain >= COARSE_GRAIN:
        even = _calmed(even, pen)
    ink = _written(even, max(MIN_CONTRAST, GRAIN * grain))
    return np.asarray(np.where(near_edges(even, pen), ink, 0), dtype=np.uint8)


def _written(even: Ink, least: float) -> Ink:
    """Return what stands out from evenly lit paper, from nothing to 255 for the darkest ink.

    Args:
        even: uint8 (height, width), what the paper does not swallow.
        least: level from which a mark is no grain.
    """
    grain = _grain(even)
    marks = _without_grain(even > least) if grain else even > least
    if marks.mean() < LEAST_MARKS:
        return np.zeros_like(even)
    strongest = float(np.percentile(even[marks], 75))
    floor = max(NOISE_LEVEL * strongest, 3 * grain)
    levels = np.clip((np.arange(256) - floor) * (255 / max(strongest - floor, 1.0)), 0, 255)
    ink = cv2.LUT(even, np.rint(levels).astype(np.uint8))
    return np.asarray(np.where(_around(marks), ink, 0) if grain else ink, dtype=np.uint8)


def _without_grain(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep the marks that make up a line, be it one pixel wide: grain is scattered."""
    neighbours = cv2.boxFilter(marks.astype(np.uint8), -1, (3, 3), normalize=False)
    return marks & (neighbours >= 3)


def _around(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the marks and the soft rims of their strokes."""
    return cv2.dilate(marks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def _darkness(grey: Ink) -> Ink:
    """Return ink as the bright part.

    What lies thin on its surroundings is ink. Where that does not tell, as with a page on a dark
    table, most of the picture is paper. Of a small picture the rim is.
    """
    small_one = max(grey.shape) <= CLEAN_SIDE
    # Every third pixel each way tells the level of the paper in a ninth of the time.
    paper = _rim_level(grey) if small_one else float(np.median(grey[::3, ::3]))
    bright = paper < (float(grey.min()) + float(grey.max())) / 2
    if not small_one:
        small = _small(grey)
        around = cv2.medianBlur(small, PAPER_KERNEL)
        differing = small.astype(np.int16) - around
        darker, brighter = np.abs(np.percentile(differing, (0.1, 99.9)))
        if max(darker, brighter) < MIN_CONTRAST:
            darker, brighter = _standing_out(grey, np.asarray(around, dtype=np.uint8))
        if max(darker, brighter) > CLEARLY * min(darker, brighter):
            bright = brighter > darker
    return grey if bright else 255 - grey


def _standing_out(grey: Ink, around: Ink) -> tuple[float, float]:
    """Return how much is darker than its surroundings, and how much brighter, in levels.

    What is written small on a large page is seen only in full size.

    Args:
        grey: uint8 (height, width).
        around: the surroundings, smaller.
    """
    paper = cv2.resize(around, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    differing = cv2.subtract(paper, grey), cv2.subtract(grey, paper)
    darker, brighter = (float(one[one > MIN_CONTRAST].sum()) for one in differing)
    return darker, brighter


def _rim_level(levels: Ink) -> float:
    rim = [levels[0], levels[-1], levels[:, 0], levels[:, -1]]
    return float(np.median(np.concatenate(rim)))


def _without_paper(darkness: Ink) -> Ink:
    """Subtract the level of even paper; nothing is left where nothing stands out from it."""
    ink = cv2.subtract(darkness, np.full_like(darkness, round(_rim_level(darkness))))
    return np.asarray(ink if ink.max() >= MIN_CONTRAST else np.zeros_like(ink), dtype=np.uint8)


def _small(levels: Ink) -> Ink:
    return _scaled(levels, min(1.0, PAPER_SIDE / max(levels.shape)))


def _scaled(levels: Ink, part: float) -> Ink:
    size = max(1, int(levels.shape[1] * part)), max(1, int(levels.shape[0] * part))
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _calmed(darkness: Ink, pen: float) -> Ink:
    """Average the grain away, over less than the width of the pen in pixels."""
    size = min(MAX_CALMED, int(CALMED * pen))
    if size < 3:
        return darkness
    size -= 1 - size % 2
    once = cv2.blur(darkness, (size, size))
    return np.asarray(cv2.blur(once, (size, size)), dtype=np.uint8)


def _without_light(darkness: Ink, pen: float) -> Ink:
    """Return what part of the light each pixel swallows that its paper does not, 0..255.

    The paper is what stays when everything thinner than a few strokes of the pen is opened away;
    the edge of a shadow stays where it is.

    Args:
        darkness: uint8 (height, width).
        pen: its width in pixels.
    """
    small = _shrunk(darkness, pen)
    part = max(small.shape) / max(darkness.shape)
    widest = PAPER_KERNEL * max(small.shape) // PAPER_SIDE
    size = min(max(round(STROKES_WIDE * pen * part), LEAST_KERNEL), widest) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    smooth = cv2.GaussianBlur(_continued(small, size), (3, 3), 0)
    opened = cv2.morphologyEx(smooth, cv2.MORPH_OPEN, kernel)
    # The edge of a shadow is sharper than this small picture of it.
    wide = cv2.dilate(opened, np.ones((3, 3), np.uint8))[size:-size, size:-size]
    paper = cv2.resize(wide, darkness.shape[::-1], interpolation=cv2.INTER_LINEAR)
    swallowed = cv2.subtract(darkness, paper)
    return np.asarray(cv2.divide(swallowed, 255 - paper, scale=255), dtype=np.uint8)


def _shrunk(darkness: Ink, pen: float) -> Ink:
    """Return the picture so small that the pen is a few pixels wide."""
    side = max(darkness.shape)
    least, most = PAPER_SIDES
    part = min(1.0, min(most, max(least, side * PEN_PIXELS / pen)) / side)
    return _scaled(darkness, part)


def _continued(small: Ink, beyond: int) -> Ink:
    """Let the light go on for some pixels beyond the edges as it fell before them."""
    wider = np.pad(small.astype(np.int16), beyond, mode="reflect", reflect_type="odd")
    return np.clip(wider, 0, 255).astype(np.uint8)


def _grain(even: npt.NDArray[np.uint8]) -> float:
    """Estimate the standard deviation of the paper, which is nearly all of a picture.

    Half of the paper lies below the level that was subtracted and is cut off at 0. Among the rest
    two thirds of a normal distribution lie within one standard deviation. Where there is little
    light the grain is coarser, so that a dark part of the picture decides.
    """
    tiles = [
        tile[:: max(1, tile.shape[0] // 40), :: max(1, tile.shape[1] // 40)]
        for rows in np.array_split(even, NUM_TILES)
        for tile in np.array_split(rows, NUM_TILES, axis=1)
        if tile.size
    ]
    spreads = [float(np.subtract(*np.percentile(tile, (84, 50)))) for tile in tiles]
    paper = [spread for spread in spreads if spread <= COARSEST_GRAIN]
    return float(np.percentile(paper, 80)) if paper else 0.0
