"""The same fields from each page of a form."""

import json
from typing import Any

import cv2
import numpy as np
import pytest

from ml import images
from ml.forms import FieldBox, Form, FormError, parse, read
from tests import row

WIDTH, HEIGHT = 800, 1100
FIELDS = {"year": ("2025", [0.15, 0.1, 0.6, 0.12]), "amount": ("374", [0.15, 0.4, 0.6, 0.12])}
DESCRIPTION: dict[str, Any] = {
    "fields": [
        {"name": name, "box": box, "digits": len(text)} for name, (text, box) in FIELDS.items()
    ]
}
MARKS = [0.05, 0.04, 0.9, 0.92]


def page(*, marks: bool = True) -> np.ndarray:
    """Return a filled-in form: printed boxes, digits in them, marks in the corners."""
    sheet = np.full((HEIGHT, WIDTH), 245, np.uint8)
    for text, (x, y, width, height) in FIELDS.values():
        left, top = round(x * WIDTH), round(y * HEIGHT)
        corner = (round((x + width) * WIDTH), round((y + height) * HEIGHT))
        cv2.rectangle(sheet, (left, top), corner, 90, 2)
        ink = row.ink(row.strokes(text), width=8, scale=0.75)
        place = sheet[top + 5 :, left + 20 :][: ink.shape[0], : ink.shape[1]]
        place[...] = np.minimum(place, 255 - ink)
    if marks:
        x, y, width, height = MARKS
        for across, down in ((x, y), (x + width, y), (x + width, y + height), (x, y + height)):
            column, line = round(across * WIDTH), round(down * HEIGHT)
            sheet[line - 12 : line + 13, column - 12 : column + 13] = 20
    return sheet


def photographed(sheet: np.ndarray, corners: list[list[float]], table: int) -> np.ndarray:
    """Return a page as a camera sees it, its corners at these places of 1000×1300 pixels."""
    flat = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    seen = cv2.getPerspectiveTransform(flat, np.array(corners, np.float32))
    return cv2.warpPerspective(sheet, seen, (1000, 1300), borderValue=table)


ASKEW = [[130, 90], [900, 140], [870, 1190], [90, 1150]]


def fields(picture: np.ndarray, description: dict[str, Any], recognisers) -> dict[str, Any]:
    photo = images.decode(images.to_png(picture), max_pixels=10**8)
    found = read(photo, parse(json.dumps(description)), recognisers)
    return {field.name: field for field in found}


def right(found: dict[str, Any]) -> bool:
    return {name: field.reading for name, field in found.items()} == {
        name: text for name, (text, _) in FIELDS.items()
    }


def test_a_scan_is_straightened_by_its_marks(recognisers):
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 3, 0.98)
    picture = cv2.warpAffine(page(), turn, (WIDTH, HEIGHT), borderValue=245)
    for description in (DESCRIPTION, {**DESCRIPTION, "marks": MARKS}):
        assert right(fields(picture, description, recognisers))


def test_a_photograph_is_straightened_by_the_edges_of_the_page(recognisers):
    picture = photographed(page(marks=False), ASKEW, table=40)
    found = fields(picture, DESCRIPTION, recognisers)
    assert right(found)
    assert all(0 < field.confidence <= 1 for field in found.values())


def test_marks_tell_where_the_page_is_though_no_edge_is_seen(recognisers):
    picture = photographed(page(), ASKEW, table=245)
    assert right(fields(picture, {**DESCRIPTION, "marks": MARKS}, recognisers))


def test_boxes_of_digits_are_given_in_the_picture_that_came_in(recognisers):
    picture = photographed(page(marks=False), ASKEW, table=40)
    found = fields(picture, DESCRIPTION, recognisers)["year"]
    x, y, width, height = found.digits[0].box
    assert 250 < x < 310
    assert 200 < y < 330
    assert picture[round(y) : round(y + height), round(x) : round(x + width)].min() < 120


def test_a_page_that_shows_neither_marks_nor_edges_wants_a_look(recognisers):
    found = fields(page(marks=False), DESCRIPTION, recognisers)
    assert right(found)
    assert all(field.needs_look for field in found.values())


def year_of(count: int | None) -> dict[str, Any]:
    """Describe the form's first field alone, for so many digits."""
    return {"fields": [{"name": "year", "box": FIELDS["year"][1], "digits": count}]}


def test_another_count_than_expected_wants_a_look(recognisers):
    found = fields(page(), year_of(9), recognisers)["year"]
    assert found.reading == "2025"
    assert found.needs_look


def year_written(text: str, *, gap: float = 25) -> np.ndarray:
    """Return a form with another number in its first field."""
    sheet = page()
    x, y, width, height = np.array(FIELDS["year"][1]) * [WIDTH, HEIGHT, WIDTH, HEIGHT]
    written = row.ink(row.strokes(text, gap=gap), width=8, scale=0.75)
    field = sheet[round(y) + 5 :, round(x) + 20 :][: round(height) - 10, : round(width) - 30]
    field[...] = 245
    place = field[: written.shape[0], : written.shape[1]]
    place[...] = np.minimum(place, 255 - written)
    return sheet


@pytest.mark.parametrize("text", ["4", "7", "52"])
def test_a_field_that_was_not_filled_keeps_its_digits_whole(text: str, recognisers):
    found = fields(year_written(text), year_of(len(text) + 1), recognisers)["year"]
    assert found.reading == text
    assert found.needs_look


def test_the_expected_count_finds_digits_that_touch(recognisers):
    """Digits that run into each other may be taken for one."""
    sheet = year_written("6138", gap=2)
    free = fields(sheet, year_of(None), recognisers)["year"]
    counted = fields(sheet, year_of(4), recognisers)["year"]
    assert counted.reading == "6138"
    assert counted.needs_look or free.reading == "6138"


def test_an_empty_field_has_no_reading(recognisers):
    description = {"fields": [{"name": "empty", "box": [0.1, 0.6, 0.5, 0.2]}]}
    found = fields(page(), description, recognisers)["empty"]
    assert (found.reading, found.confidence, found.digits) == ("", 0.0, ())
    assert not found.needs_look


def test_a_description_is_parsed():
    form = parse(json.dumps({**DESCRIPTION, "marks": MARKS}))
    assert form == Form(
        tuple(FieldBox(name, tuple(box), len(text)) for name, (text, box) in FIELDS.items()),
        tuple(MARKS),
    )


@pytest.mark.parametrize(
    "description, message",
    [
        ("{", "not JSON"),
        ("[]", "1 to 500 fields"),
        ('{"fields": []}', "1 to 500 fields"),
        ('{"fields": [7]}', r"fields\[0\] is not an object"),
        ('{"fields": [{"box": [0, 0, 1, 1]}]}', r"fields\[0\].name"),
        ('{"fields": [{"name": "a"}]}', r"fields\[0\].box must be"),
        ('{"fields": [{"name": "a", "box": [0, 0, 1, "1"]}]}', "must be"),
        ('{"fields": [{"name": "a", "box": [0.5, 0, 0.6, 1]}]}', "does not lie on the page"),
        ('{"fields": [{"name": "a", "box": [0, 0, NaN, 1]}]}', "does not lie on the page"),
        ('{"fields": [{"name": "a", "box": [0, 0, 1, 1], "digits": 0}]}', "whole number"),
        (
            '{"fields": [{"name": "a", "box": [0,0,1,1]}, {"name": "a", "box": [0,0,1,1]}]}',
            "called 'a'",
        ),
    ],
)
def test_a_faulty_description_is_told(description: str, message: str):
    with pytest.raises(FormError, match=message):
        parse(description)
