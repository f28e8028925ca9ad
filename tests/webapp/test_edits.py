"""Boxes merged, split and dropped by hand."""

import io
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pen import write_number
from tests.webapp.steps import UNKNOWN_ID, draw, draw_number, png
from webapp.db import db
from webapp.models import Correction, Digit


def ids(answer: dict[str, Any]) -> list[str]:
    return [digit["id"] for digit in answer["digits"]]


def now(person: FlaskClient, answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer is by now."""
    found: dict[str, Any] = person.get(f"/api/v1/predictions/{answer['id']}").get_json()
    return found


def merge(person: FlaskClient, *digits: str) -> TestResponse:
    return person.post("/digits/merge", data={"digit": list(digits)})


def upload_number(person: FlaskClient, *labels: int) -> dict[str, Any]:
    picture = io.BytesIO(png(write_number(labels)))
    return person.post("/api/v1/predictions", data={"image": (picture, "a.png")}).get_json()


def test_merged_digits_are_one_and_the_rest_stays(alice: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2, 3, 4)
    one, two, three, four = ids(answer)
    response = merge(alice, two, one)

    assert response.status_code == 303
    assert response.location.startswith(f"/predictions/{answer['id']}")
    after = now(alice, answer)
    assert after["reading"][1:] == "34"
    assert ids(after)[1:] == [three, four]
    assert [digit["position"] for digit in after["digits"]] == [0, 1, 2]
    boxes = [digit["box"] for digit in answer["digits"]]
    x, _, width, _ = after["digits"][0]["box"]
    assert x == pytest.approx(boxes[0][0], abs=2)
    assert x + width == pytest.approx(boxes[1][0] + boxes[1][2], abs=2)


def test_a_merged_digit_can_be_split_again(alice: FlaskClient) -> None:
    answer = draw_number(alice, 4, 1, 7)
    merge(alice, *ids(answer)[:2])
    response = alice.post(f"/digits/{ids(now(alice, answer))[0]}/split")

    assert response.status_code == 303
    after = now(alice, answer)
    assert after["reading"] == "417"
    assert [digit["position"] for digit in after["digits"]] == [0, 1, 2]


def test_boxes_of_a_picture_are_merged_and_split_too(alice: FlaskClient) -> None:
    answer = upload_number(alice, 4, 1, 7)
    assert answer["reading"] == "417"
    merge(alice, *ids(answer)[1:])
    merged = now(alice, answer)
    assert len(merged["digits"]) == 2
    alice.post(f"/digits/{ids(merged)[1]}/split")

    after = now(alice, answer)
    assert after["reading"] == "417"
    for digit, before in zip(after["digits"], answer["digits"], strict=True):
        assert digit["box"] == pytest.approx(before["box"], abs=4)


def test_a_dropped_digit_is_in_no_reading(alice: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2, 3)
    assert alice.post(f"/digits/{ids(answer)[1]}/drop").status_code == 303

    after = now(alice, answer)
    assert after["reading"] == "13"
    assert [digit["position"] for digit in after["digits"]] == [0, 1]
    assert "Read as <span>13</span>" in alice.get(f"/predictions/{answer['id']}").text


def test_a_replaced_digit_keeps_its_corrections_and_says_so(
    app: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw_number(alice, 1, 2)
    bob.post(f"/digits/{ids(answer)[0]}/corrections", data={"label": 7})
    merge(alice, *ids(answer))

    page = alice.get(f"/predictions/{answer['id']}").text
    assert "Corrections of a digit that was replaced" in page
    with app.app_context():
        assert [lesson.label for lesson in Correction.lessons()] == [7]
        assert db.session.get_one(Digit, ids(answer)[0]).replaced_at is not None
    assert alice.get(f"/digits/{ids(answer)[0]}/picture.png").status_code == 200


def test_a_drawing_with_a_corrected_digit_that_was_replaced_is_not_replaced_itself(
    alice: FlaskClient,
) -> None:
    answer = draw_number(alice, 1, 2)
    alice.post(f"/digits/{ids(answer)[0]}/corrections", data={"label": 7})
    merge(alice, *ids(answer))
    alice.post("/", json={"strokes": write_number([3]), "replaces": answer["id"]})

    assert alice.get(f"/predictions/{answer['id']}").status_code == 200


def test_deleting_takes_replaced_digits_with_it(app: Flask, alice: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2)
    merge(alice, *ids(answer))
    alice.post(f"/predictions/{answer['id']}/delete")

    with app.app_context():
        assert db.session.query(Digit).count() == 0


def test_without_what_was_handed_in_nothing_is_offered_and_the_page_says_so(
    alice: FlaskClient,
) -> None:
    alice.application.config["INKLING_KEEP_ORIGINALS"] = False
    answer = upload_number(alice, 4, 1)
    page = alice.get(f"/predictions/{answer['id']}").text

    assert "cannot be merged, split or dropped" in page
    assert "/digits/merge" not in page
    for response in (
        merge(alice, *ids(answer)),
        alice.post(f"/digits/{ids(answer)[0]}/split"),
        alice.post(f"/digits/{ids(answer)[0]}/drop"),
    ):
        assert response.status_code == 409
        assert "is not kept" in response.text


def test_a_page_that_is_out_of_date_changes_nothing(alice: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2, 3)
    merge(alice, *ids(answer)[:2])
    again = merge(alice, *ids(answer)[:2])

    assert again.status_code == 409
    assert "Load the page anew" in again.text


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_are_not_merged(alice: FlaskClient, count: int) -> None:
    response = merge(alice, *ids(draw_number(alice, 1, 2))[:count])

    assert response.status_code == 400
    assert "at least two" in response.text


def test_digits_of_different_drawings_are_not_merged(alice: FlaskClient) -> None:
    response = merge(alice, ids(draw(alice))[0], ids(draw(alice))[0])

    assert response.status_code == 400
    assert "same drawing" in response.text


def test_the_only_digit_is_not_dropped(alice: FlaskClient) -> None:
    response = alice.post(f"/digits/{ids(draw(alice))[0]}/drop")

    assert response.status_code == 400
    assert "the only digit" in response.text


def test_another_digit_between_those_that_are_merged_is_told(alice: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2, 3)
    response = merge(alice, ids(answer)[0], ids(answer)[2])

    assert response.status_code == 400
    assert "between" in response.text
    assert now(alice, answer)["reading"] == "123"


@pytest.mark.parametrize("action", ["merge", "split", "drop"])
def test_strangers_and_unknown_ids_get_404(
    alice: FlaskClient, charlie: FlaskClient, client: FlaskClient, action: str
) -> None:
    answer = draw_number(alice, 1, 2)
    draw(charlie)

    def ask(person: FlaskClient, *digits: str) -> int:
        if action == "merge":
            return merge(person, *digits).status_code
        return person.post(f"/digits/{digits[0]}/{action}").status_code

    assert ask(charlie, *ids(answer)) == 404
    assert ask(client, *ids(answer)) == 404
    assert ask(alice, UNKNOWN_ID, ids(answer)[0]) == 404
    assert now(alice, answer)["reading"] == "12"


def test_a_reviewer_may_put_boxes_right(alice: FlaskClient, bob: FlaskClient) -> None:
    answer = draw_number(alice, 1, 2)

    assert bob.post(f"/digits/{ids(answer)[0]}/drop").status_code == 303
    assert now(alice, answer)["reading"] == "2"


@pytest.mark.parametrize("path", ["merge", "x/split", "x/drop"])
def test_other_methods_are_not_taken(alice: FlaskClient, path: str) -> None:
    assert alice.put(f"/digits/{path}").status_code == 405
