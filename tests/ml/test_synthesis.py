import dataclasses
from collections import Counter

import numpy as np
import pytest

from ml.datasets import NOT_A_DIGIT, load_mnist
from ml.synthesis import Glyph, Hand, digits, glyphs, non_digits, styled, write


def test_every_digit_is_known_in_several_styles() -> None:
    styles = Counter(glyph.label for glyph in glyphs())
    assert all(styles[label] >= 8 for label in range(10))
    assert styles[NOT_A_DIGIT] >= 60


def test_no_style_is_listed_twice() -> None:
    names = Counter((glyph.label, glyph.style) for glyph in glyphs())
    assert max(names.values()) == 1


@pytest.mark.parametrize("style", ["slashed", "dotted"])
def test_zeros_are_written_in_ways_that_mnist_lacks(style: str) -> None:
    assert (0, style) in {(glyph.label, glyph.style) for glyph in glyphs()}


def test_the_writer_writes_each_digit_equally_often_and_never_twice_the_same() -> None:
    written = digits(100, np.random.default_rng(1))
    assert Counter(written.labels.tolist()) == dict.fromkeys(range(10), 10)
    assert len({picture.tobytes() for picture in written.images}) == 100


def test_the_same_generator_writes_the_same_pictures() -> None:
    first, second = (digits(20, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.images, second.images)


def test_written_digits_are_centred_like_mnist_is() -> None:
    images = digits(200, np.random.default_rng(1)).images.astype(float)
    columns = (images.sum(axis=1) * np.arange(28)).sum(axis=1) / images.sum(axis=(1, 2))
    assert abs(columns.mean() - 14) < 0.3


def glyph(label: int, style: str) -> Glyph:
    return next(one for one in glyphs() if (one.label, one.style) == (label, style))


def sharpest_turn(generator: np.random.Generator) -> float:
    """Return in radians how sharply a flagged one turns where it is sharpest."""
    (stroke,) = write(glyph(1, "flagged"), generator)
    steps = np.diff(stroke, axis=0)
    turns = np.abs(np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))))
    return float(np.nanmax(turns))


def test_most_corners_are_sharp_and_some_are_rounded_off() -> None:
    generator = np.random.default_rng(1)
    turns = [sharpest_turn(generator) for _ in range(40)]
    assert 20 < sum(turn > 1 for turn in turns) < 40


def test_some_pen_lifts_are_left_out_but_not_those_of_signs() -> None:
    generator = np.random.default_rng(1)
    strokes = {len(write(glyph(7, "barred"), generator)) for _ in range(60)}
    assert strokes == {1, 2}
    assert {len(write(glyph(NOT_A_DIGIT, "equals"), generator)) for _ in range(60)} == {2}


def test_strokes_run_on_or_stop_short() -> None:
    generator = np.random.default_rng(1)
    lengths = [np.ptp(write(glyph(1, "plain"), generator)[0][:, 1]) for _ in range(40)]
    assert min(lengths) < 95
    assert max(lengths) > 105


def test_a_bowed_hand_pushes_the_middle_to_one_side() -> None:
    generator = np.random.default_rng(1)
    hand = dataclasses.replace(
        Hand.random(generator),
        frame=np.eye(2),
        top=1.0,
        widening=0.0,
        bow=10.0,
        reaches=np.zeros((2, 2)),
    )
    bent = hand.bend(np.array([[40.0, 0.0], [40.0, 50.0], [40.0, 100.0]]))
    assert bent[:, 0].tolist() == [40, 50, 40]


def test_what_is_no_digit_is_labelled_so() -> None:
    made = non_digits(load_mnist().gate, 60, np.random.default_rng(1))
    assert len(made) == 60
    assert set(made.labels.tolist()) == {NOT_A_DIGIT}
    assert made.images.any(axis=(1, 2)).all()


def test_styles_can_be_asked_for_one_by_one() -> None:
    made = styled(2, np.random.default_rng(1))
    assert len(made["7 barred"]) == 2
    assert set(made["7 barred"].labels.tolist()) == {7}
