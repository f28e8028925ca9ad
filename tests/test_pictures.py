"""Any picture at all, from its bytes to what the shipped models read: properties that hold."""

import io
from collections.abc import Mapping

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ml import bundle, images, reading
from ml.bundle import FAMILIES, PRETRAINED, Family
from ml.preprocessing import Ink, ink_box
from ml.runtime import Recogniser
from ml.segmentation import FoundDigit, digits_in_ink
from tests import row
from tests.people import PREDICTIONS, SEVEN

Recognisers = Mapping[Family, Recogniser]

PAGE = (1500, 2000)
"""Height and width: no page is larger when it is worked on."""

PLACES = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
"""Where on a page, from one edge to the other."""


@pytest.fixture(scope="module")
def recognisers() -> Recognisers:
    """Return both shipped models."""
    return {family: Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES}


def page(ink: Ink, size: tuple[int, int], x: float, y: float, levels: tuple[int, int]) -> Ink:
    """Return ink on a page; x and y say where, 0..1, the levels those of paper and ink.

    At 0 and 1 four pixels of paper are left to the page's edge; a page grows with large ink.
    """
    box = ink_box(ink)
    assert box is not None
    left, top, width, height = box
    ink = np.pad(ink[top : top + height, left : left + width], 4)
    size = max(size[0], ink.shape[0]), max(size[1], ink.shape[1])
    top, left = int(y * (size[0] - ink.shape[0])), int(x * (size[1] - ink.shape[1]))
    covered = np.zeros(size, np.uint8)
    covered[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return np.interp(covered, (0, 255), levels).astype(np.uint8)


def lit(levels: Ink, darkest: float, grain: float) -> Ink:
    """Let light fall in from the left, and the camera add noise."""
    light = np.linspace(1, darkest, levels.shape[1])
    noise = np.random.default_rng(1).normal(0, grain, levels.shape) if grain else 0
    return np.clip(levels * light + noise, 0, 255).astype(np.uint8)


def read(levels: Ink, recognisers: Recognisers) -> tuple[str, list[FoundDigit]]:
    """Return what is read in a picture that is saved as PNG, and where."""
    photo = images.decode(images.to_png(levels), max_pixels=50_000_000)
    found = digits_in_ink(photo.ink, photo.scale, reading.judge(recognisers))
    pictures = np.array([digit.picture for digit in found], np.uint8).reshape(-1, 28, 28)
    return "".join(str(one.label) for one in reading.read_digits(pictures, recognisers)), found


TRIED = (Phase.explicit, Phase.generate)
"""To look for a smaller picture that fails would take minutes."""

PAPER_AND_INK = st.sampled_from([(255, 0), (235, 60), (180, 40), (130, 20)])


@settings(max_examples=20, phases=TRIED)
@given(
    text=st.text("0123456789", min_size=1, max_size=4),
    height=st.integers(24, 200),
    where=st.tuples(PLACES, PLACES),
    levels=PAPER_AND_INK,
    darkest=st.floats(0.6, 1),
    grain=st.sampled_from([0.0, 2.0, 4.0]),
)
def test_inverting_a_picture_does_not_change_its_reading(
    recognisers, *, text: str, height: int, where: tuple[float, float], levels, darkest, grain
):
    ink = row.ink(row.strokes(text), width=9, scale=height / 100)
    picture = lit(page(ink, (400, 600), *where, levels), darkest, grain)
    upright, found = read(picture, recognisers)
    inverted, others = read(255 - picture, recognisers)
    assert upright == inverted == text
    for digit, other in zip(found, others, strict=True):
        assert digit.box == pytest.approx(other.box, abs=2)


@settings(max_examples=10, phases=TRIED)
@given(
    label=st.integers(0, 9),
    height=st.integers(16, 2_000) | st.integers(16, 200),
    where=st.tuples(PLACES, PLACES),
    levels=PAPER_AND_INK,
    darkest=st.floats(0.6, 1),
    is_bright=st.booleans(),
)
@example(label=0, height=36, where=(0.0, 0.0), levels=(255, 0), darkest=0.75, is_bright=False)
@example(label=2, height=2000, where=(0.5, 1.0), levels=(235, 60), darkest=0.8, is_bright=True)
@example(label=5, height=16, where=(1.0, 1.0), levels=(255, 0), darkest=1.0, is_bright=False)
@example(label=7, height=16, where=(0.7, 0.2), levels=(180, 40), darkest=0.6, is_bright=True)
def test_a_digit_is_read_wherever_it_stands_on_a_large_page(
    recognisers, *, label: int, height: int, where: tuple[float, float], levels, darkest, is_bright
):
    """The height is that of the middle of the pen's way."""
    ink = row.ink(row.strokes(str(label)), width=10, scale=height / 100)
    picture = lit(page(ink, PAGE, *where, levels), darkest, 0)
    text, (found, *others) = read(255 - picture if is_bright else picture, recognisers)
    assert (text, others) == (str(label), [])
    assert found.box[3] == pytest.approx(1.1 * height, rel=0.1, abs=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(images.FORMATS),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    length=st.floats(0.2, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_whatever_the_bytes_there_is_an_answer_or_a_clean_refusal(
    quiet: FlaskClient, kind: str, changes: list[tuple[float, int]], length: float
):
    file = io.BytesIO()
    Image.fromarray(255 - SEVEN).resize((60, 60)).save(file, kind)
    data = bytearray(file.getvalue())[: round(length * file.tell())]
    for place, value in changes:
        # Most of what can go wrong stands at the start.
        data[int(place**3 * (len(data) - 1))] = value
    response = quiet.post(f"{PREDICTIONS}?save=false", data=bytes(data), content_type="image/png")
    assert response.status_code in (200, 400, 413, 415), response.text
    assert response.status_code == 200 or set(response.get_json()) == {"error"}
