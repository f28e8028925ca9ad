"""What counts for a retraining, and that there is only one at a time."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from unittest.mock import patch

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests import pen
from tests.people import correct, digit_of, post_file, read
from tests.site import ROOT
from tests.webapp.steps import accept_all, draw_number, png
from webapp import recognition, retraining
from webapp.db import begin_write, db
from webapp.models import Correction, Decision, Digit, ModelVersion, Picture, Promotion
from webapp.retraining import RetrainingError

HOLD_THE_LOCK = """
import time
from webapp import create_app, retraining
with create_app().app_context(), retraining.only_one():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def num_new(app: Flask) -> int:
    with app.app_context():
        return retraining.num_new()


def taught(app: Flask, until: int | None = None) -> None:
    """Leave the database as a retraining does that knew of all decisions, or of some."""
    with app.app_context():
        begin_write()
        version = db.session.get_one(ModelVersion, "cnn-1")
        version.taught_until = Decision.newest_id() if until is None else until
        db.session.commit()


def test_what_was_accepted_since_the_last_retraining_is_new(
    app: Flask, alice: FlaskClient, bob: FlaskClient
):
    assert num_new(app) == 0
    correct(bob, digit_of(read(alice, 7)), 7)
    correct(alice, digit_of(read(alice, 3)), 8)
    assert num_new(app) == 1

    taught(app)
    assert num_new(app) == 0

    accept_all(bob)
    assert num_new(app) == 1


def test_a_digit_that_was_corrected_twice_is_one(app: Flask, bob: FlaskClient):
    digit = digit_of(read(bob, 7))
    correct(bob, digit, 1)
    correct(bob, digit, 7)
    assert num_new(app) == 1


def test_what_was_withdrawn_is_not_new(app: Flask, bob: FlaskClient):
    digit = digit_of(read(bob, 7))
    correct(bob, digit, 1)
    bob.delete(f"/api/v1/digits/{digit}/corrections/newest")
    assert num_new(app) == 0


def test_a_second_retraining_says_that_one_is_running(context: None):
    with (
        retraining.only_one(),
        pytest.raises(RetrainingError, match="is running already"),
        retraining.only_one(),
    ):
        pass
    with retraining.only_one():
        pass


def test_the_lock_ends_with_its_holder(context: None):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RetrainingError, match="is running already"), retraining.only_one():
            pass
    finally:
        holder.kill()
        holder.communicate()
    with retraining.only_one():
        pass


def taught_by_file(app: Flask, labels: Iterable[tuple[int, int | None]]) -> None:
    """Import drawings of the first labels as corrections to the second ones."""
    lines = [
        json.dumps({"strokes": pen.write(drawn, seed), "label": said})
        for seed, (drawn, said) in enumerate(labels)
    ]
    runner = app.test_cli_runner()
    result = runner.invoke(args=["corrections", "import", "-"], input="\n".join(lines))
    assert result.exit_code == 0, result.output


HONEST = [(label, label) for label in range(10)] * 5


def test_one_in_five_is_held_out_and_the_others_are_taught(app: Flask):
    taught_by_file(app, HONEST)
    with app.app_context():
        lessons = retraining.gather()
    assert len(lessons.taught) + len(lessons.held_out) == len(HONEST)
    assert len(lessons.held_out) < len(HONEST) / 2
    assert lessons.suspects == ()


def test_a_wrong_label_is_named_marked_and_held_back(app: Flask):
    taught_by_file(app, [*HONEST, (7, 4)])
    with app.app_context():
        lessons = retraining.gather()
        (suspect,) = lessons.suspects
        assert (suspect.said, suspect.read) == (4, 7)
        assert suspect.confidence > 0.8
        assert len(lessons.taught) + len(lessons.held_out) == len(HONEST)
        assert lessons.counts["suspected"] == 1
        marked = db.session.query(Correction).filter_by(suspect=True).all()
        assert [one.digit_id for one in marked] == [suspect.digit_id]


def test_a_suspected_label_is_believed_when_it_is_said_once_more(app: Flask, bob: FlaskClient):
    taught_by_file(app, [*HONEST, (7, 4)])
    with app.app_context():
        (suspect,) = retraining.gather().suspects
    correct(bob, suspect.digit_id, 4)
    with app.app_context():
        lessons = retraining.gather()
        assert lessons.suspects == ()
        assert len(lessons.taught) + len(lessons.held_out) == len(HONEST) + 1


def test_a_label_put_right_is_no_longer_suspected(app: Flask, bob: FlaskClient):
    taught_by_file(app, [*HONEST, (7, 4)])
    with app.app_context():
        (suspect,) = retraining.gather().suspects
    correct(bob, suspect.digit_id, 7)
    with app.app_context():
        assert retraining.gather().suspects == ()


def test_many_digits_of_one_label_do_not_drown_the_others(app: Flask):
    taught_by_file(app, [(1, 1)] * 40 + [(2, 2)] * 10)
    with app.app_context():
        lessons = retraining.gather()
    assert lessons.weights is not None
    ones = lessons.weights[lessons.taught.labels == 1].sum()
    twos = lessons.weights[lessons.taught.labels == 2].sum()
    assert 1 < ones / twos < 3


def test_without_corrections_it_says_how_to_get_some(context: None):
    with pytest.raises(RetrainingError, match="accept them at /review"):
        retraining.gather()


def test_digits_of_another_preprocessing_are_prepared_anew_from_what_was_handed_in(
    app: Flask, bob: FlaskClient
):
    answers = [draw_number(bob, 1, 2), post_file(bob, png(pen.write_number([3, 4]))).get_json()]
    digits = [one for answer in answers for one in answer["digits"]]
    for label, digit in enumerate(digits, start=1):
        correct(bob, digit["id"], label)
    with app.app_context():
        today = [db.session.get_one(Digit, one["id"]).picture.image for one in digits]
        begin_write()
        db.session.execute(db.update(Digit).values(preprocessing_version=0))
        db.session.execute(db.update(Picture).values(pixels=b"\xff" * 784))
        db.session.commit()

        with patch.object(recognition, "decode", wraps=recognition.decode) as decode:
            lessons = retraining.gather()

        assert decode.call_count == 1
        anew = lessons.taught.joined(lessons.held_out)
        order = np.argsort(anew.labels)
        assert anew.labels[order].tolist() == [1, 2, 3, 4]
        # A picture is kept with some loss.
        np.testing.assert_allclose(anew.images[order].astype(int), today, atol=40)
        assert (lessons.counts["prepared_anew"], lessons.counts["outdated"]) == (4, 0)
        stored = db.session.scalars(db.select(Picture.pixels))
        assert set(stored) == {b"\xff" * 784}


def test_what_cannot_be_prepared_anew_is_left_out_and_counted(app: Flask, bob: FlaskClient):
    digits = [digit_of(read(bob, label)) for label in range(5)]
    for label, digit in enumerate(digits):
        correct(bob, digit, label)
    with app.app_context():
        db.session.execute(db.update(Digit).values(preprocessing_version=0))
        lost = db.update(Digit).where(Digit.id == digits[0])
        db.session.execute(lost.values(submission_id=None))
        db.session.commit()
        lessons = retraining.gather()
        assert len(lessons.taught) + len(lessons.held_out) == len(digits) - 1
        assert lessons.counts["prepared_anew"] == len(digits) - 1
        assert lessons.counts["outdated"] == 1


def test_a_missing_picture_is_an_error_that_names_the_digit(app: Flask):
    taught_by_file(app, HONEST)
    with app.app_context():
        begin_write()
        picture = db.session.query(Picture).first()
        assert picture is not None
        digit = picture.digit_id
        db.session.delete(picture)
        db.session.commit()
        with pytest.raises(RetrainingError, match=digit):
            retraining.gather()


def test_a_live_version_of_another_preprocessing_is_not_taught(app: Flask):
    with app.app_context():
        begin_write()
        db.session.get_one(ModelVersion, "cnn-1").preprocessing_version = 0
        db.session.commit()
        current = Promotion.current()
        assert current is not None
        with pytest.raises(RetrainingError, match=r"cnn-1 learned from .* flask versions upgrade"):
            retraining.live_bundles(current)
