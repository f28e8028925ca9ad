"""Strokes or a picture to a saved submission: what the API does not show."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml import images, preprocessing
from ml.images import to_png
from tests import pen
from tests.conftest import dispose
from tests.people import PREDICTIONS, correct, digit_of, read
from webapp import create_app, recognition
from webapp.db import db
from webapp.models import Correction, Decision, Digit, Original, Picture, State, Submission

PAGE = np.full((300, 280), 255, np.uint8)
PAGE[60:240, 120:160] = 0


def all_of(app: Flask, record: type[Any]) -> list[Any]:
    with app.app_context():
        return db.session.query(record).all()


def send(person: FlaskClient, picture: np.ndarray) -> str:
    response = person.post(PREDICTIONS, data=to_png(picture), content_type="image/png")
    assert response.status_code == 201, response.text
    return str(response.get_json()["id"])


def test_the_stored_picture_its_hash_and_its_side_belong_together(app: Flask, alice: FlaskClient):
    for label in range(10):
        read(alice, label)
    with app.app_context():
        for digit in db.session.query(Digit):
            picture = digit.picture.image
            assert digit.picture_sha256 == preprocessing.picture_hash(picture)
            assert digit.holdout == preprocessing.is_holdout(digit.picture_sha256)
            assert digit.preprocessing_version == preprocessing.VERSION


def test_the_same_drawing_has_the_same_side_every_time(app: Flask, alice: FlaskClient):
    read(alice, 4), read(alice, 4)
    first, second = all_of(app, Digit)
    assert (first.picture_sha256, first.holdout) == (second.picture_sha256, second.holdout)


def test_what_is_stored_of_a_model_is_what_was_answered(app: Flask, alice: FlaskClient):
    answer = read(alice, 3)
    with app.app_context():
        digit = db.session.get_one(Digit, digit_of(answer))
        for family, model in answer["digits"][0]["models"].items():
            assert list(digit.models[family].probabilities) == model["probabilities"]


class TestOriginals:
    def test_of_a_picture_are_kept_without_metadata(self, app: Flask, alice: FlaskClient):
        send(alice, PAGE)
        (kept,) = all_of(app, Original)
        assert kept.media_type == "image/jpeg"
        assert images.read_size(kept.content, max_pixels=10**6) == (280, 300)

    def test_of_a_picture_need_not_be_kept(self, instance: Path):
        application = create_app({"TESTING": True, "INKLING_KEEP_ORIGINALS": "no"})
        person = application.test_client()
        send(person, PAGE)
        read(person)
        (kept,) = all_of(application, Original)
        assert kept.media_type == "application/json"
        dispose(application)


class TestDeleting:
    def test_takes_everything_with_it(self, app: Flask, alice: FlaskClient):
        answer = read(alice)
        correct(alice, digit_of(answer), 1)
        alice.delete(f"{PREDICTIONS}/{answer['id']}")
        for record in (Submission, Digit, Picture, Original, Correction, Decision):
            assert all_of(app, record) == []

    def test_keeps_what_a_reviewer_accepted_without_its_visitor(
        self, app: Flask, alice: FlaskClient, bob: FlaskClient
    ):
        answer = read(alice)
        made = correct(alice, digit_of(answer), 1).get_json()
        bob.post(f"/review/{made['digit']}", data={"label": made["label"]})
        correct(alice, digit_of(answer), 2)
        before = all_of(app, Digit)[0]
        alice.delete(f"{PREDICTIONS}/{answer['id']}")
        with app.app_context():
            (digit,) = db.session.query(Digit)
            assert (digit.visitor_id, digit.submission_id) == (None, None)
            assert digit.picture.image.shape == (28, 28)
            assert digit.picture_sha256 == before.picture_sha256
            assert digit.holdout == before.holdout
            (kept,) = digit.corrections
            assert (kept.label, kept.state, kept.visitor_id) == (1, State.ACCEPTED, None)
            states = [(one.from_state, one.to_state, one.visitor_id) for one in kept.decisions]
            assert states == [(None, "pending", None), ("pending", "accepted", None)]
            assert kept.decisions[1].reviewer.name == "Bob"
            assert digit.model_predictions == []
        assert all_of(app, Submission) == all_of(app, Original) == []

    def test_hides_what_is_kept_from_its_former_owner(
        self, app: Flask, alice: FlaskClient, bob: FlaskClient
    ):
        answer = read(alice)
        correct(bob, digit_of(answer), 1)
        alice.delete(f"{PREDICTIONS}/{answer['id']}")
        assert alice.get(f"/digits/{digit_of(answer)}/picture.png").status_code == 404
        assert correct(alice, digit_of(answer), 2).status_code == 404
        assert bob.get(f"/digits/{digit_of(answer)}/picture.png").status_code == 200

    def test_keeps_the_rest_of_the_visitor(self, app: Flask, alice: FlaskClient):
        kept, deleted = read(alice, 1), read(alice, 2)
        correct(alice, digit_of(kept), 3)
        alice.delete(f"{PREDICTIONS}/{deleted['id']}")
        assert [one.id for one in all_of(app, Submission)] == [kept["id"]]
        assert len(all_of(app, Correction)) == 1

    def test_of_all_mine_leaves_what_is_anothers(
        self, app: Flask, alice: FlaskClient, charlie: FlaskClient
    ):
        read(alice, 1), read(alice, 2)
        theirs = read(charlie)
        assert alice.post("/predictions/delete-all").status_code == 303
        assert [one.id for one in all_of(app, Submission)] == [theirs["id"]]

    def test_of_all_mine_by_somebody_new_deletes_nothing(
        self, app: Flask, alice: FlaskClient, client: FlaskClient
    ):
        read(alice)
        assert client.post("/predictions/delete-all").status_code == 303
        assert len(all_of(app, Submission)) == 1


class TestUndoing:
    def test_withdraws_and_says_who_did(self, app: Flask, alice: FlaskClient):
        digit = digit_of(read(alice))
        correct(alice, digit, 1)
        alice.delete(f"/api/v1/digits/{digit}/corrections/newest")
        with app.app_context():
            (correction,) = db.session.query(Correction)
            assert correction.state == State.WITHDRAWN
            decision = correction.decisions[-1]
            assert (decision.from_state, decision.to_state) == ("pending", "withdrawn")
            assert decision.visitor_id == correction.visitor_id is not None

    def test_of_an_accepted_correction_takes_it_out_of_training(
        self, app: Flask, alice: FlaskClient, bob: FlaskClient
    ):
        digit = digit_of(read(alice))
        made = correct(alice, digit, 1).get_json()
        bob.post(f"/review/{made['digit']}", data={"label": made["label"]})
        alice.delete(f"/api/v1/digits/{digit}/corrections/newest")
        with app.app_context():
            assert Correction.lessons() == []


class TestLargePictures:
    @pytest.fixture
    def tight(self, instance: Path) -> Any:
        application = create_app({"TESTING": True, "INKLING_MAX_LARGE_PICTURES": 1})
        yield application
        dispose(application)

    def test_wait_for_their_turn_and_small_ones_do_not(self, tight: Flask):
        large = np.kron(PAGE, np.ones((5, 5), np.uint8))
        assert large.size > recognition.LARGE_PICTURE_PIXELS
        done: list[str] = []
        waiting = threading.Thread(target=lambda: done.append(send(tight.test_client(), large)))
        with tight.extensions["large_pictures"]:
            waiting.start()
            send(tight.test_client(), PAGE)
            time.sleep(0.2)
            assert done == []
        waiting.join(timeout=20)
        assert len(done) == 1

    def test_that_are_damaged_give_their_place_back(self, tight: Flask):
        noise = np.random.default_rng(1).integers(0, 256, (1200, 1200), dtype=np.uint8)
        data = to_png(noise)[:-5000]
        for _ in range(3):
            response = tight.test_client().post(PREDICTIONS, data=data, content_type="image/png")
            assert response.status_code == 415


def test_two_specks_on_a_large_page_are_blank_and_no_error(client: FlaskClient):
    specks = np.full((900, 900), 255, np.uint8)
    specks[5, 5] = specks[-5, -5] = 0
    response = client.post(PREDICTIONS, data=to_png(specks), content_type="image/png")
    assert (response.status_code, response.get_json()["refused"]) == (200, "blank")


def test_a_canvas_picture_of_a_drawing_reads_as_the_drawing_does(client: FlaskClient):
    from PIL import Image, ImageDraw

    for label in range(10):
        canvas = Image.new("RGBA", (pen.CANVAS, pen.CANVAS), (0, 0, 0, 0))
        draw = ImageDraw.Draw(canvas)
        for stroke in pen.write(label):
            draw.line([tuple(point) for point in stroke], fill="black", width=14, joint="curve")
        with_alpha = client.post(PREDICTIONS, data={"image": (png_file(canvas), "canvas.png")})
        assert with_alpha.get_json()["reading"] == str(label)


def png_file(image: Any) -> Any:
    import io

    file = io.BytesIO()
    image.save(file, "PNG")
    file.seek(0)
    return file
