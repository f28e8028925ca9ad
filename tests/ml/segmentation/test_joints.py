"""Ink taken apart where strokes meet."""

from collections.abc import Sequence

import cv2
import numpy as np

from ml.segmentation.joints import MAX_SEGMENTS, cut_at_joints, segments_of
from ml.segmentation.pieces import InkPiece, joined


def drawn(*lines: Sequence[tuple[int, int]]) -> InkPiece:
    """Return lines of a pen of 9 pixels as a patch of ink."""
    ink = np.zeros((200, 200), np.uint8)
    for line in lines:
        cv2.polylines(ink, [np.array(line, np.int32)], False, 255, 9)
    return InkPiece(ink, 5, 7)


def ellipse(x: int, y: int) -> list[tuple[int, int]]:
    around = np.linspace(0, 2 * np.pi, 40)
    return [(round(x + 40 * np.cos(at)), round(y + 70 * np.sin(at))) for at in around]


def test_one_stroke_is_one_segment():
    assert cut_at_joints(drawn([(20, 20), (100, 60), (30, 180)]), 160) == []


def test_strokes_that_cross_share_the_ink_of_the_crossing():
    piece = drawn([(20, 100), (180, 100)], [(100, 20), (100, 180)])
    segments = segments_of(piece, 160)
    assert len(segments) == 4
    assert len(frozenset[int]().union(*(one.joints for one in segments))) == 1
    total = sum(np.count_nonzero(one.piece.ink) for one in segments)
    assert total > np.count_nonzero(piece.ink)


def test_no_ink_is_lost():
    piece = drawn([(20, 20), (100, 60), (30, 180)], [(20, 100), (190, 140)])
    whole = joined([one.piece for one in segments_of(piece, 160)])
    x, y = whole.x - piece.x, whole.y - piece.y
    height, width = whole.ink.shape
    assert (whole.ink == piece.ink[y : y + height, x : x + width]).all()
    assert np.count_nonzero(whole.ink) == np.count_nonzero(piece.ink)


def test_a_one_and_a_zero_that_share_a_stretch_are_both_whole_in_some_way():
    one, zero = [(60, 20), (60, 180)], ellipse(100, 100)
    halves = [way for way in cut_at_joints(drawn(one, zero), 160) if len(way) == 2]
    heights = [[part.box[3] for part in half] for half in halves]
    widths = [[part.box[2] for part in half] for half in halves]
    assert any(
        left >= 155 and right >= 140 and narrow <= 25 and wide >= 80
        for (left, right), (narrow, wide) in zip(heights, widths, strict=True)
    )


def test_only_cuts_within_the_patch_count_against_it():
    for way in cut_at_joints(drawn([(20, 100), (180, 100)], [(100, 20), (100, 180)]), 160):
        assert way[0].cut == 0
        assert all(part.cut > 0 for part in way[1:])


def test_what_has_more_strokes_than_two_digits_is_left_whole():
    net = [[(at, 5), (at, 195)] for at in range(10, 200, 30)]
    net += [[(5, at), (195, at)] for at in range(10, 200, 30)]
    assert len(net) > MAX_SEGMENTS
    assert cut_at_joints(drawn(*net), 160) == []


def test_a_blot_has_no_strokes():
    ink = np.zeros((200, 200), np.uint8)
    cv2.circle(ink, (100, 100), 70, 255, -1)
    cv2.line(ink, (5, 100), (195, 100), 255, 9)
    assert segments_of(InkPiece(ink, 0, 0), 160) == []
