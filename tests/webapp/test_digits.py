import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from ml.bundle import Bundle
from tests.pen import scribble
from tests.webapp.steps import FRAGMENT, UNKNOWN_ID, correct, digit_id, draw, post_strokes
from webapp import serving
from webapp.db import begin_write, db
from webapp.models import Correction, Digit, ModelVersion, Promotion


def test_a_digits_picture_is_what_the_models_saw(alice: FlaskClient) -> None:
    response = alice.get(f"/digits/{digit_id(draw(alice))}/picture.png")

    picture = np.asarray(Image.open(io.BytesIO(response.data)))
    assert response.mimetype == "image/png"
    assert picture.shape == (28, 28)
    assert picture.max() > 200
    assert (picture[0] == 0).all()


def test_a_digits_picture_never_changes_and_is_nobody_elses(alice: FlaskClient) -> None:
    response = alice.get(f"/digits/{digit_id(draw(alice))}/picture.png")

    assert response.cache_control.private
    assert response.cache_control.immutable


def test_an_explanation_shows_the_digit_in_colours(alice: FlaskClient) -> None:
    answer = draw(alice, 7)
    page = alice.get(f"/predictions/{answer['id']}").text
    address = f"/digits/{digit_id(answer)}/explanation.png"

    response = alice.get(address)

    picture = np.asarray(Image.open(io.BytesIO(response.data))).astype(int)
    assert f'href="{address}"' in page
    assert f'src="{address}"' not in page
    assert response.mimetype == "image/png"
    assert picture.shape == (280, 280, 3)
    assert (picture[..., 0] - picture[..., 2]).max() > 50


def test_an_explanation_is_kept_by_the_browser_until_another_cnn_is_live(
    app: Flask, alice: FlaskClient, make_bundle: Callable[..., Bundle]
) -> None:
    address = f"/digits/{digit_id(draw(alice))}/explanation.png"
    first = alice.get(address)
    again = alice.get(address, headers={"If-None-Match": first.headers["ETag"]})
    _promote(app, make_bundle(gain=8.0))
    after = alice.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert first.cache_control.private
    assert (again.status_code, again.data) == (304, b"")
    assert after.status_code == 200
    assert after.data != first.data


def _promote(app: Flask, made: Bundle) -> None:
    with app.app_context():
        begin_write()
        version = ModelVersion.add(made, origin="train")
        Promotion.promote([version], by="test", reason="to see")
        db.session.commit()
        app.extensions["serving"] = serving.Serving()


def test_a_refused_digit_is_explained_by_its_likeliest_label(alice: FlaskClient) -> None:
    answer = post_strokes(alice, scribble()).get_json()
    likeliest = answer["digits"][0]["alternatives"][0]["label"]
    page = alice.get(f"/predictions/{answer['id']}").text

    assert f"Orange speaks for {likeliest}" in page
    assert alice.get(f"/digits/{digit_id(answer)}/explanation.png").status_code == 200


def test_a_reviewer_sees_the_explanation_of_anybodys_digit(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw(alice)
    correct(alice, answer, 1)
    address = f"/digits/{digit_id(answer)}/explanation.png"

    assert f'href="{address}"' in bob.get("/review").text
    assert bob.get(address).status_code == 200


def test_what_nothing_was_predicted_for_has_no_explanation(app: Flask, alice: FlaskClient) -> None:
    digit = digit_id(draw(alice))
    with app.app_context():
        begin_write()
        db.session.get_one(Digit, digit).alternatives = []
        db.session.commit()

    response = alice.get(f"/digits/{digit}/explanation.png")

    assert response.status_code == 404
    assert "nothing to explain" in response.text


def test_an_unsure_answer_offers_both_labels(app: Flask, alice: FlaskClient) -> None:
    answer = draw(alice, 4)
    _make_unsure(app, digit_id(answer))

    page = alice.get(f"/predictions/{answer['id']}").text
    choice = page.partition('class="correction-choice"')[2].partition("</form>")[0]

    assert "Unsure: 4 or 9?" in page
    assert re.findall(r'name="label" value="(\d)"', choice) == ["4", "9"]
    assert "Which is it?" in page
    correct(alice, answer, 9)
    assert "correction-choice" not in alice.get(f"/predictions/{answer['id']}").text


def _make_unsure(app: Flask, digit: str) -> None:
    with app.app_context():
        begin_write()
        found = db.session.get_one(Digit, digit)
        found.unsure, found.alternatives = True, [(4, 0.5), (9, 0.4), (7, 0.1)]
        db.session.commit()


@pytest.mark.parametrize(
    "label, words", [("7", "Confirmed:"), ("0", "Really:"), ("not-a-digit", "not a digit")]
)
def test_a_correction_leads_back_to_the_digit(alice: FlaskClient, label: str, words: str) -> None:
    answer = draw(alice, 7)

    response = correct(alice, answer, label)

    assert response.status_code == 303
    assert response.location == f"/predictions/{answer['id']}#digit-{digit_id(answer)}"
    assert words in alice.get(response.location).text


def test_scripts_get_the_correction_as_a_fragment(alice: FlaskClient) -> None:
    address = f"/digits/{digit_id(draw(alice, 7))}/corrections"

    corrected = alice.post(address, data={"label": "1"}, headers=FRAGMENT).text
    undone = alice.post(f"{address}/undo", headers=FRAGMENT).text

    assert "data-corrected" in corrected
    assert "waits for review" in corrected
    assert "data-corrected" not in undone
    assert "Is that right?" in undone


def test_undoing_a_correction_leads_back_to_the_digit(alice: FlaskClient) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)

    response = alice.post(f"/digits/{digit_id(answer)}/corrections/undo")

    page = alice.get(response.location).text
    assert response.status_code == 303
    assert "Is that right?" in page
    assert "withdrawn" in page


def test_a_reviewers_correction_is_accepted_at_once(alice: FlaskClient, bob: FlaskClient) -> None:
    answer = draw(alice, 7)
    correct(bob, answer, 1)

    page = alice.get(f"/predictions/{answer['id']}").text

    assert "accepted" in page
    assert "corrections/undo" not in page


@pytest.mark.parametrize(
    "label, hers, standing",
    [(1, "accepted", ["accepted"]), (7, "rejected", ["rejected", "accepted"])],
)
def test_a_reviewers_word_decides_on_what_waits_and_undoing_leaves_that_undecided(
    app: Flask, alice: FlaskClient, bob: FlaskClient, label: int, hers: str, standing: list[str]
) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)

    page = correct(bob, answer, label).location

    assert states(app) == standing
    assert "Nothing waits" in bob.get("/review").text
    assert "corrections/undo" in bob.get(page).text
    bob.post(f"/digits/{digit_id(answer)}/corrections/undo")
    assert states(app) == ["pending", *["withdrawn"] * (len(standing) - 1)]
    assert "corrections/undo" not in bob.get(page).text
    assert bob.post(f"/digits/{digit_id(answer)}/corrections/undo").status_code == 404


def test_a_reviewers_undoing_goes_back_step_by_step(
    app: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw(alice, 7)
    for label in (1, 2):
        correct(bob, answer, label)
    assert states(app) == ["rejected", "accepted"]

    for expected in (["accepted", "withdrawn"], ["withdrawn", "withdrawn"]):
        bob.post(f"/digits/{digit_id(answer)}/corrections/undo")
        assert states(app) == expected


def test_one_digit_is_not_the_place_to_undo_a_step_over_many(
    app: Flask, alice: FlaskClient, bob: FlaskClient
) -> None:
    answers = [draw(alice, 7, seed) for seed in (0, 1)]
    bob.post("/predictions/bulk", data={"do": "1", "all": "yes"})

    bob.post(f"/digits/{digit_id(answers[0])}/corrections/undo")

    assert sorted(states(app)) == ["accepted", "withdrawn"]


def states(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(db.select(Correction.state).order_by(Correction.id)))


@pytest.mark.parametrize("label", ["", "11", "-1", "seven", "٣", "²", "None"])
def test_a_label_that_is_none_is_refused_with_a_sentence(alice: FlaskClient, label: str) -> None:
    response = correct(alice, draw(alice), label)

    assert response.status_code == 400
    assert "label must be one of 0 to 9 or not-a-digit" in response.text


def test_undoing_nothing_is_404(alice: FlaskClient) -> None:
    answer = draw(alice)

    assert alice.post(f"/digits/{digit_id(answer)}/corrections/undo").status_code == 404


def test_another_ones_digit_is_404(
    alice: FlaskClient, charlie: FlaskClient, client: FlaskClient
) -> None:
    address = f"/digits/{digit_id(draw(alice))}"
    draw(charlie)

    for stranger in (charlie, client):
        assert stranger.get(f"{address}/picture.png").status_code == 404
        assert stranger.get(f"{address}/explanation.png").status_code == 404
        assert stranger.post(f"{address}/corrections", data={"label": 1}).status_code == 404
        assert stranger.post(f"{address}/corrections/undo").status_code == 404


def test_an_unknown_digit_is_404(alice: FlaskClient) -> None:
    draw(alice)
    address = f"/digits/{UNKNOWN_ID}"

    assert alice.get(f"{address}/picture.png").status_code == 404
    assert alice.get(f"{address}/explanation.png").status_code == 404
    assert alice.get("/digits/x/explanation.png").status_code == 404
    assert alice.post(f"{address}/corrections", data={"label": 1}).status_code == 404


def test_other_methods_are_not_taken(alice: FlaskClient) -> None:
    assert alice.get("/digits/x/corrections").status_code == 405
    assert alice.post("/digits/x/picture.png").status_code == 405
    assert alice.post("/digits/x/explanation.png").status_code == 405
