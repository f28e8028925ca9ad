"""One digit's ink becomes 28×28 the way MNIST was made."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml import preprocessing
from ml.preprocessing import NoInkError, ink_box, is_holdout, picture_hash, prepare

BAR_40_BY_8 = np.full((40, 8), 255, np.uint8)


def centre_of_mass(picture: preprocessing.Ink) -> tuple[float, float]:
    rows, columns = np.indices(picture.shape)
    return (
        float(((columns + 0.5) * picture).sum() / picture.sum()),
        float(((rows + 0.5) * picture).sum() / picture.sum()),
    )


def test_the_ink_box_encloses_all_ink():
    ink = np.zeros((50, 60), np.uint8)
    ink[10, 20] = ink[14, 25] = 1
    assert ink_box(ink) == (20, 10, 6, 5)


def test_paper_alone_has_no_box_and_cannot_be_prepared():
    paper = np.zeros((50, 60), np.uint8)
    assert ink_box(paper) is None
    with pytest.raises(NoInkError, match="no ink"):
        prepare(paper)


def test_two_specks_far_apart_are_too_faint_to_prepare():
    specks = np.zeros((2000, 2000), np.uint8)
    specks[0, 0] = specks[-1, -1] = 255
    with pytest.raises(NoInkError, match="too faint"):
        prepare(specks)


def test_a_bar_fills_twenty_rows_and_keeps_its_aspect():
    picture = prepare(BAR_40_BY_8)
    assert ink_box(picture) == (12, 4, 4, 20)
    assert set(np.unique(picture)) == {0, 255}


def test_the_longer_side_decides():
    assert ink_box(prepare(BAR_40_BY_8.T)) == (4, 12, 20, 4)


def test_the_centre_of_mass_and_not_the_box_is_centred():
    flag = np.zeros((20, 10), np.uint8)
    flag[:, :3], flag[:6, :10] = 255, 255
    x, y = centre_of_mass(prepare(flag))
    assert x == pytest.approx(preprocessing.CENTRE, abs=0.5)
    assert y == pytest.approx(preprocessing.CENTRE, abs=0.5)


def test_place_and_paper_around_make_no_difference():
    around = np.zeros((100, 90), np.uint8)
    around[31:71, 50:58] = BAR_40_BY_8
    assert (prepare(around) == prepare(BAR_40_BY_8)).all()


def test_what_is_prepared_stays_as_it_is():
    picture = prepare(BAR_40_BY_8)
    assert (prepare(picture) == picture).all()


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70))))
def test_any_ink_gives_a_picture_with_ink_in_it_or_none_at_all(ink: preprocessing.Ink):
    try:
        picture = prepare(ink)
    except NoInkError:
        return
    assert picture.shape == (28, 28)
    assert picture.dtype == np.uint8
    assert picture.any()


def test_the_hash_is_that_of_the_784_bytes_whatever_their_layout():
    picture = np.arange(784, dtype=np.int64).astype(np.uint8).reshape(28, 28)
    expected = hashlib.sha256(bytes(picture.ravel().tolist())).hexdigest()
    assert picture_hash(picture) == expected
    assert picture_hash(np.asfortranarray(picture)) == expected


@pytest.mark.parametrize(
    "start, held_out",
    [("00000000", True), ("00000001", False), ("0000000a", True), ("ffffffff", True)],
)
def test_the_first_eight_digits_of_the_hash_decide_the_side(start: str, held_out: bool):
    assert is_holdout(start + "c" * 56) is held_out


def test_one_picture_in_five_is_held_out():
    hashes = [hashlib.sha256(bytes([n % 256, n // 256])).hexdigest() for n in range(5000)]
    assert sum(map(is_holdout, hashes)) == pytest.approx(1000, abs=100)
