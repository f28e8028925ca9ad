import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.pen import scribble, write
from tests.webapp.steps import FRAGMENT, digit_id, draw, post_strokes


def test_the_paper_is_there_for_anybody_and_sets_no_visitor_cookie(client: FlaskClient) -> None:
    response = client.get("/")

    assert response.status_code == 200
    assert 'id="pad"' in response.text
    assert client.get_cookie("inkling_visitor") is None


def test_who_has_no_scripts_is_told_where_to_go(client: FlaskClient) -> None:
    _, _, notice = client.get("/").text.partition("<noscript>")

    assert 'href="/upload"' in notice.partition("</noscript>")[0]


def test_a_drawn_digit_is_read_by_both_models(alice: FlaskClient) -> None:
    answer = draw(alice, 7)

    (digit,) = answer["digits"]
    assert answer["reading"] == "7"
    assert [digit["models"][family]["label"] for family in ("cnn", "dnn")] == [7, 7]


def test_scripts_get_the_answer_as_a_fragment(alice: FlaskClient) -> None:
    response = alice.post("/", json={"strokes": write(3)}, headers=FRAGMENT)

    assert response.status_code == 200
    assert "<html" not in response.text
    assert "Read as 3" in response.text
    assert "cnn-1" in response.text
    assert "dnn-1" in response.text
    assert response.text.count('class="bar-fill"') == 20


def test_a_plain_form_leads_to_the_page_of_the_answer(alice: FlaskClient) -> None:
    form = {"strokes": json.dumps(write(4)), "width": "280", "height": "280"}

    response = alice.post("/", data=form)

    assert response.status_code == 303
    assert "Read as 4" in alice.get(response.location).text


def test_what_is_no_digit_is_refused_in_words(alice: FlaskClient) -> None:
    response = alice.post("/", json={"strokes": scribble()}, headers=FRAGMENT)

    assert "Refused: not a digit" in response.text


def test_reading_while_drawing_leaves_one_answer(alice: FlaskClient) -> None:
    first = draw(alice, 7, seed=1)
    second = post_strokes(alice, write(7, 2), replaces=first["id"]).get_json()

    assert alice.get(f"/predictions/{first['id']}").status_code == 404
    assert alice.get(f"/predictions/{second['id']}").status_code == 200


def test_a_corrected_answer_is_not_replaced(alice: FlaskClient) -> None:
    first = draw(alice, 7, seed=1)
    alice.post(f"/digits/{digit_id(first)}/corrections", data={"label": 7})
    post_strokes(alice, write(7, 2), replaces=first["id"])

    assert alice.get(f"/predictions/{first['id']}").status_code == 200


def test_nobody_replaces_another_ones_answer(alice: FlaskClient, charlie: FlaskClient) -> None:
    hers = draw(alice)
    assert post_strokes(charlie, write(1), replaces=hers["id"]).status_code == 201

    assert alice.get(f"/predictions/{hers['id']}").status_code == 200


def test_an_empty_sheet_is_answered_and_not_saved(alice: FlaskClient) -> None:
    assert post_strokes(alice, []).get_json()["refused"] == "blank"
    assert "No ink was found" in alice.post("/", json={"strokes": []}, headers=FRAGMENT).text
    assert alice.post("/", data={"strokes": "[]"}).location == "/"
    assert "Nothing has been read yet" in alice.get("/predictions").text


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "7",
        "{}",
        '{"strokes": "seven"}',
        '{"strokes": [[[1]]]}',
        '{"strokes": [[[1e999, 1]]]}',
        '{"strokes": [], "width": -1}',
        '{"strokes": [], "replaces": 7}',
        "[" * 100_000,
    ],
)
def test_malformed_drawings_get_a_sentence(alice: FlaskClient, body: str) -> None:
    response = alice.post("/", data=body, content_type="application/json", headers=FRAGMENT)

    assert response.status_code == 400
    assert response.get_json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("form", [{}, {"strokes": "x"}, {"strokes": "[]", "width": "wide"}])
def test_malformed_forms_get_a_page_that_says_so(alice: FlaskClient, form: dict[str, str]) -> None:
    response = alice.post("/", data=form)

    assert response.status_code == 400
    assert "That was not understood" in response.text


def test_too_many_points_are_too_large(alice: FlaskClient) -> None:
    response = post_strokes(alice, [[[1, 1]] * 20_001])

    assert response.status_code == 413
    assert "20,000" in response.get_json()["error"]["message"]


def test_a_drawing_without_the_form_token_is_not_taken(app: Flask, alice: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True

    response = post_strokes(alice, write(7))

    assert response.status_code == 400
    assert "too old" in response.get_json()["error"]["message"]


def test_other_methods_are_not_taken(alice: FlaskClient) -> None:
    assert alice.put("/").status_code == 405
