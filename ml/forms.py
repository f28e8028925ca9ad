"""The same fields from each scanned or photographed page of a form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ml.background import ink_of
from ml.bundle import Family
from ml.corners import Corners, marks_in, page_in
from ml.images import Photo
from ml.preprocessing import SIDE, Ink
from ml.reading import REFUSED_MARK, DigitAnswer, judge, read_digits
from ml.runtime import Recogniser
from ml.segmentation import Box, FoundDigit, Judge, digits_in_ink, in_reading_order

MAX_FIELDS = 500
MAX_NAME_LENGTH = 100
MAX_DIGITS = 40

MARGIN = 0.15
"""Part of a box's height by which writing may stand out of it."""

SURE = 0.9
"""What looks so much like one digit is not cut in two because more digits were expected: people
leave room in a field."""

WHOLE_PAGE: Box = (0.0, 0.0, 1.0, 1.0)

EXPECTED = (
    'Expected {"fields": [{"name": "year", "box": [x, y, width, height], "digits": 4}, …]} with '
    "boxes relative to the page, 0 to 1."
)


class FormError(ValueError):
    """The description of a form cannot be used."""


@dataclass(frozen=True)
class FieldBox:
    """A place on the page where digits are written.

    Attributes:
        name: what the field is called.
        box: x, y, width, height relative to the page, 0..1.
        digits: how many digits it should hold, in one line; None if any number may.
    """

    name: str
    box: Box
    digits: int | None = None


@dataclass(frozen=True)
class Form:
    """What is to be read from each page.

    Attributes:
        fields: in the order of the file.
        marks: x, y, width, height, relative to the page, of the rectangle whose corners are the
            middles of the printed marks; None where the file does not say.
    """

    fields: tuple[FieldBox, ...]
    marks: Box | None = None


@dataclass(frozen=True)
class Field:
    """What was read in one field of one page.

    Attributes:
        name: what the field is called.
        reading: the digits, `?` for a refused one, lines joined by a line break.
        confidence: that of the least certain digit, 0..1; 0 where nothing was found.
        needs_look: a person should look: something was doubtful, or it took the expected count to
            find that many digits, or they are not as many as expected.
        digits: where the digits are, boxes in pixels of the picture that came in.
        answers: what was said of each.
    """

    name: str
    reading: str
    confidence: float
    needs_look: bool
    digits: tuple[FoundDigit, ...]
    answers: tuple[DigitAnswer, ...]


def parse(text: str | bytes) -> Form:
    """Read the description of a form from JSON.

    `{"fields": [{"name": "year", "box": [0.1, 0.2, 0.3, 0.05], "digits": 4}, …],
    "marks": [0.05, 0.04, 0.9, 0.92]}`; `digits` and `marks` may be left out.

    Raises:
        FormError: it is not as described; the message says where.
    """
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormError(f"The form is not JSON: {error}. {EXPECTED}") from error
    fields = value.get("fields") if isinstance(value, dict) else None
    if not isinstance(fields, list) or not 1 <= len(fields) <= MAX_FIELDS:
        raise FormError(f"A form has 1 to {MAX_FIELDS} fields. {EXPECTED}")
    parsed = tuple(_field_box(field, f"fields[{at}]") for at, field in enumerate(fields))
    names = [field.name for field in parsed]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FormError(f"Two fields are called {twice!r}. Give each a name of its own.")
    marks = value.get("marks")
    return Form(parsed, None if marks is None else _box(marks, "marks"))


def _field_box(value: object, where: str) -> FieldBox:
    if not isinstance(value, dict):
        raise FormError(f"{where} is not an object. {EXPECTED}")
    name, digits = value.get("name"), value.get("digits")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
        raise FormError(f"{where}.name must be a text of 1 to {MAX_NAME_LENGTH} characters.")
    if digits is not None and (type(digits) is not int or not 1 <= digits <= MAX_DIGITS):
        raise FormError(f"{where}.digits must be a whole number from 1 to {MAX_DIGITS}.")
    return FieldBox(name.strip(), _box(value.get("box"), f"{where}.box"), digits)


def _box(value: object, where: str) -> Box:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 4 or not all(type(one) in (int, float) for one in numbers):
        raise FormError(f"{where} must be [x, y, width, height]. {EXPECTED}")
    x, y, width, height = (float(one) for one in numbers)
    inside = min(x, y) >= 0 and max(x + width, y + height) <= 1 + 1e-9
    if not inside or not width > 0 or not height > 0:
        raise FormError(f"{where} = {numbers} does not lie on the page, 0 to 1 each way.")
    return x, y, width, height


def read(photo: Photo, form: Form, recognisers: Mapping[Family, Recogniser]) -> list[Field]:
    """Read the fields of one page.

    The page is straightened by its corner marks or its edges. Where neither is seen the picture is
    taken for the page, and every field wants a look.

    Args:
        photo: the decoded page.
        form: what is where.
        recognisers: both models.
    """
    corners = _corners(photo.grey, form)
    page = corners if corners is not None else _whole(photo.grey)
    ink, back = _straightened(photo.grey, page)
    back = np.diag([photo.scale, photo.scale, 1.0]) @ back
    look = judge(recognisers)
    fields = []
    for field in form.fields:
        found, is_expected = _found(field, ink, look)
        certain = is_expected and corners is not None
        fields.append(_field(field, found, back, recognisers, certain=certain))
    return fields


def _whole(grey: Ink) -> Corners:
    height, width = grey.shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def _corners(grey: Ink, form: Form) -> Corners | None:
    """Return the page's corners in the picture, or None if nothing shows them.

    Marks whose place is not told are taken to stand equally far from the edges of a page that
    fills the picture, as on a scan.
    """
    marks = marks_in(grey)
    if form.marks is not None and marks is not None:
        return _page_around(marks, form.marks)
    page = page_in(grey)
    if page is not None or marks is None:
        return page
    height, width = grey.shape
    across, down = _sides(marks)
    box = (0.5 - across / width / 2, 0.5 - down / height / 2, across / width, down / height)
    return _page_around(marks, box)


def _page_around(marks: Corners, box: Box) -> Corners:
    """Return the corners of the page on which marks have this place, relative to it."""
    x, y, width, height = box
    places = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
    to_picture = cv2.getPerspectiveTransform(np.array(places, np.float32), marks.astype(np.float32))
    page = np.array([[[0, 0]], [[1, 0]], [[1, 1]], [[0, 1]]], np.float64)
    return np.asarray(cv2.perspectiveTransform(page, to_picture)[:, 0], dtype=np.float64)


def _sides(corners: Corners) -> tuple[float, float]:
    """Return the mean width and height of a quadrilateral."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return float(sides[0::2].mean()), float(sides[1::2].mean())


def _straightened(grey: Ink, page: Corners) -> tuple[Ink, npt.NDArray[np.float64]]:
    """Return the page's ink seen from straight above, and the matrix that leads back."""
    width, height = (max(1, round(side)) for side in _sides(page))
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    to_flat = cv2.getPerspectiveTransform(page.astype(np.float32), flat)
    seen = cv2.warpPerspective(
        grey, to_flat, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return ink_of(np.asarray(seen, dtype=np.uint8)), np.linalg.inv(to_flat.astype(np.float64))


def _found(field: FieldBox, ink: Ink, look: Judge) -> tuple[list[FoundDigit], bool]:
    """Find the digits whose middle lies in a field's box, in pixels of the straight page.

    Returns:
        The digits, and whether they were as many as expected without anybody saying so.
    """
    height, width = ink.shape
    x, y, across, down = np.array(field.box) * (width, height, width, height)
    margin = MARGIN * down
    left, top = max(0, int(x - margin)), max(0, int(y - margin))
    window = ink[top : int(y + down + margin) + 1, left : int(x + across + margin) + 1].copy()
    box = x - left, y - top, across, down
    found = digits_in_ink(window, 1.0, look)
    inside = [digit for digit in found if _is_inside(digit, box)]
    is_expected = field.digits in (None, len(inside))
    if not is_expected and inside and not _leaves_room(inside, field.digits, look):
        _wipe(window, [digit for digit in found if not _is_inside(digit, box)])
        counted = digits_in_ink(window, 1.0, look, count=field.digits)
        inside = counted if len(counted) == field.digits else inside
    return [_moved(digit, left, top) for digit in inside], is_expected


def _leaves_room(digits: Sequence[FoundDigit], expected: int | None, look: Judge) -> bool:
    """Tell whether there are fewer digits than expected, though none may be two that touch."""
    if expected is None or len(digits) >= expected:
        return False
    probabilities = look(np.stack([digit.picture for digit in digits]))
    return bool(probabilities[:, :-1].max(axis=1).min() >= SURE)


def _is_inside(digit: FoundDigit, box: Box) -> bool:
    x, y, width, height = digit.box
    left, top, across, down = box
    return left <= x + width / 2 <= left + across and top <= y + height / 2 <= top + down


def _wipe(ink: Ink, digits: Sequence[FoundDigit]) -> None:
    for digit in digits:
        x, y, width, height = (round(side) for side in digit.box)
        ink[y : y + height, x : x + width] = 0


def _moved(digit: FoundDigit, left: float, top: float) -> FoundDigit:
    x, y, width, height = digit.box
    return replace(digit, box=(x + left, y + top, width, height))


def _field(
    field: FieldBox,
    found: Sequence[FoundDigit],
    back: npt.NDArray[np.float64],
    recognisers: Mapping[Family, Recogniser],
    *,
    certain: bool,
) -> Field:
    """Read what was found in a field; `back` leads to the picture that came in."""
    digits = in_reading_order(found)
    pictures = np.array([digit.picture for digit in digits], np.uint8).reshape(-1, SIDE, SIDE)
    answers = read_digits(pictures, recognisers)
    doubtful = any(answer.unsure or answer.refused for answer in answers)
    return Field(
        name=field.name,
        reading=_reading(digits, answers),
        confidence=min((answer.confidence for answer in answers), default=0.0),
        needs_look=doubtful or not certain,
        digits=tuple(replace(digit, box=_led_back(digit.box, back)) for digit in digits),
        answers=tuple(answers),
    )


def _reading(digits: Sequence[FoundDigit], answers: Sequence[DigitAnswer]) -> str:
    text = ""
    for at, (digit, answer) in enumerate(zip(digits, answers, strict=True)):
        text += "\n" if at and digit.line != digits[at - 1].line else ""
        text += REFUSED_MARK if answer.label is None else str(answer.label)
    return text


def _led_back(box: Box, back: npt.NDArray[np.float64]) -> Box:
    """Return the box around where a box of the straight page lies in the picture."""
    x, y, width, height = box
    corners = np.array([[[x, y]], [[x + width, y]], [[x + width, y + height]], [[x, y + height]]])
    points = cv2.perspectiveTransform(corners, back)[:, 0]
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])
