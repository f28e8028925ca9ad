"""Which versions are live: noticed without a restart, and never from damaged bytes."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, update

from ml import bundle
from ml.bundle import Bundle, BundleError, Family
from tests.conftest import dispose
from tests.people import PREDICTIONS, error_of, read
from webapp import create_app, serving
from webapp.db import begin_write, db
from webapp.models import ModelFile, ModelVersion, Promotion

MakeBundle = Callable[..., Bundle]


def promote(app: Flask, *bundles: Bundle) -> list[str]:
    """Save versions, make them live, and return their names."""
    with app.app_context():
        begin_write()
        versions = [ModelVersion.add(one, origin="train") for one in bundles]
        Promotion.promote(versions, by="test", reason="")
        db.session.commit()
        return [version.name for version in versions]


def damage(app: Flask, name: str, file: str = bundle.TFLITE_FILE) -> None:
    """Change the stored bytes of a version behind its back."""
    with app.app_context():
        here = ModelFile.version_name == name, ModelFile.name == file
        db.session.execute(update(ModelFile).where(*here).values(content=b"damaged"))
        db.session.commit()


def served(app: Flask) -> dict[Family, str]:
    with app.app_context():
        return {family: one.name for family, one in serving.live().versions.items()}


def look_again(app: Flask) -> None:
    """Let the time pass after which a process asks for the newest promotion."""
    app.extensions["serving"]._looked_at = float("-inf")


def wait_for(app: Flask, name: str) -> None:
    """Ask until a version is live; fail after the second within which it must be."""
    deadline = time.monotonic() + 1
    while name not in served(app).values():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def restarted(app: Flask) -> Flask:
    """Return a second process on the same instance; it has loaded nothing yet."""
    return create_app({"TESTING": True})


def test_nothing_is_loaded_before_the_first_question(app: Flask):
    assert app.extensions["serving"]._live is None
    assert served(app) == {"cnn": "cnn-1", "dnn": "dnn-1"}


def test_a_promotion_is_noticed_within_a_second(app: Flask, make_bundle: MakeBundle):
    assert served(app)["cnn"] == "cnn-1"
    promote(app, make_bundle())
    wait_for(app, "cnn-2")
    assert served(app)["dnn"] == "dnn-1"


def test_an_answer_says_which_version_gave_it(
    app: Flask, alice: FlaskClient, make_bundle: MakeBundle
):
    before = read(alice)
    promote(app, make_bundle(), make_bundle(family="dnn"))
    look_again(app)
    after = read(alice)
    for answer, number in ((before, 1), (after, 2)):
        models = answer["digits"][0]["models"]
        assert {one["version"] for one in models.values()} == {f"cnn-{number}", f"dnn-{number}"}
    assert alice.get(f"{PREDICTIONS}/{before['id']}").get_json() == before


def test_no_request_fails_while_versions_change(app: Flask, make_bundle: MakeBundle):
    def draw(seed: int) -> str:
        answer = read(app.test_client(), 7, seed, save=True)
        return str(answer["digits"][0]["models"]["cnn"]["version"])

    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(draw, range(40))
        promote(app, make_bundle())
        assert set(answers) <= {"cnn-1", "cnn-2"}
    wait_for(app, "cnn-2")


def test_a_rollback_is_noticed_too(app: Flask, make_bundle: MakeBundle):
    promote(app, make_bundle())
    assert served(app)["cnn"] == "cnn-2"
    with app.app_context():
        begin_write()
        Promotion.roll_back(by="test", reason="")
        db.session.commit()
    look_again(app)
    assert served(app)["cnn"] == "cnn-1"


def test_a_version_that_stays_live_is_not_loaded_twice(app: Flask, make_bundle: MakeBundle):
    with app.app_context():
        before = serving.live().recognisers["dnn"]
        promote(app, make_bundle())
        look_again(app)
        assert serving.live().recognisers["dnn"] is before


@pytest.mark.parametrize("file", [bundle.TFLITE_FILE, bundle.KERAS_FILE])
def test_a_running_process_keeps_what_it_serves_when_the_new_bytes_are_damaged(
    app: Flask, make_bundle: MakeBundle, caplog: pytest.LogCaptureFixture, file: str
):
    assert served(app)["cnn"] == "cnn-1"
    (name,) = promote(app, make_bundle())
    damage(app, name, file)
    look_again(app)
    assert served(app)["cnn"] == "cnn-1"
    assert "Promotion 2 is not served, the one before stays" in caplog.text
    assert f"{file} of this cnn is damaged" in caplog.text


def test_damage_is_told_once_and_not_at_every_look(
    app: Flask, make_bundle: MakeBundle, caplog: pytest.LogCaptureFixture
):
    served(app)
    damage(app, *promote(app, make_bundle()))
    for _ in range(3):
        look_again(app)
        served(app)
    assert caplog.text.count("is not served") == 1


def test_the_next_sound_promotion_is_served_after_a_damaged_one(
    app: Flask, make_bundle: MakeBundle
):
    served(app)
    damage(app, *promote(app, make_bundle()))
    look_again(app)
    served(app)
    promote(app, make_bundle(gain=2.0))
    look_again(app)
    assert served(app)["cnn"] == "cnn-3"


def test_a_starting_process_takes_the_promotion_before_a_damaged_one(
    app: Flask, restarted: Flask, make_bundle: MakeBundle, caplog: pytest.LogCaptureFixture
):
    promote(app, make_bundle())
    damage(app, *promote(app, make_bundle(gain=2.0)))
    assert served(restarted) == {"cnn": "cnn-2", "dnn": "dnn-1"}
    assert "Promotion 3 is damaged, trying the one before" in caplog.text
    dispose(restarted)


def test_a_version_that_lost_its_file_is_as_good_as_damaged(
    app: Flask, restarted: Flask, make_bundle: MakeBundle, caplog: pytest.LogCaptureFixture
):
    (name,) = promote(app, make_bundle())
    with app.app_context():
        db.session.execute(delete(ModelFile).where(ModelFile.version_name == name))
        db.session.commit()
    assert served(restarted)["cnn"] == "cnn-1"
    assert "cnn-2 has lost its model.keras and model.tflite" in caplog.text
    dispose(restarted)


def test_bytes_that_litert_cannot_run_are_as_good_as_damaged(
    app: Flask, restarted: Flask, make_bundle: MakeBundle
):
    sound = make_bundle()
    promote(app, Bundle.sealed(sound.card, sound.keras, b"sealed, but no model"))
    assert served(restarted)["cnn"] == "cnn-1"
    dispose(restarted)


def test_at_last_what_ships_is_served(
    app: Flask, restarted: Flask, caplog: pytest.LogCaptureFixture
):
    damage(app, "cnn-1")
    assert served(restarted) == {"cnn": "cnn-1", "dnn": "dnn-1"}
    assert read(restarted.test_client(), 7)["reading"] == "7"
    assert "serving what ships" in caplog.text
    dispose(restarted)


def test_a_site_with_nothing_to_serve_says_so_and_lives(
    app: Flask,
    restarted: Flask,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    damage(app, "cnn-1")
    monkeypatch.setattr(bundle, "PRETRAINED", tmp_path)
    person = restarted.test_client()
    body = {"strokes": [[[9, 9], [9, 200]]]}
    message = error_of(person.post(PREDICTIONS, json=body), 503, "unavailable")
    assert message == serving.NOTHING_TO_SERVE
    assert person.get("/").status_code == 200
    assert "No version can be served: No complete model in" in caplog.text
    dispose(restarted)


def test_the_loaded_versions_stay_while_the_database_is_away(
    app: Flask, instance: Path, caplog: pytest.LogCaptureFixture
):
    served(app)
    dispose(app)
    for file in instance.glob("inkling.sqlite3*"):
        file.write_bytes(b"no database " * 500)
    look_again(app)
    with caplog.at_level(logging.ERROR):
        assert served(app)["cnn"] == "cnn-1"
    assert "the loaded ones stay" in caplog.text


class TestImportingWhatShips:
    def test_happens_once(self, app: Flask):
        with app.app_context():
            assert serving.import_pretrained() is None
            assert db.session.query(Promotion).count() == 1

    def test_keeps_the_bytes_as_they_are(self, app: Flask):
        with app.app_context():
            for family, shipped in serving.load_pretrained().items():
                imported = ModelVersion.named(f"{family}-1")
                assert imported is not None
                assert imported.bundle() == shipped
                assert imported.origin == "pretrained"

    def test_does_not_save_the_same_weights_twice(self, app: Flask):
        with app.app_context():
            db.session.execute(delete(Promotion))
            serving.import_pretrained()
            db.session.commit()
            assert db.session.query(ModelVersion).count() == 2

    def test_of_damaged_files_is_refused(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setattr(bundle, "PRETRAINED", tmp_path)
        with app.app_context():
            db.session.execute(delete(Promotion))
            with pytest.raises(BundleError, match="No complete model in"):
                serving.import_pretrained()
