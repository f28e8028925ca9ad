"""Fixtures for all tests: an application of its own for each test, and three people.

Alice owns, Bob reviews, Charlie is a stranger.
"""

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings

from ml.bundle import Bundle, Card, Refusal
from tests.site import Site, serve
from webapp import create_app

settings.register_profile("no deadlines", deadline=None)
settings.load_profile("no deadlines")
"""How long an example takes says more about what else the machine is doing."""

BOB = ("Bob", "correct horse battery")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in os.environ:
        ours = name.startswith("INKLING_") or name in ("DATABASE_URL", "HOST", "PORT")
        if ours and name != "INKLING_BENCH_DATA":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def prepared_instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an instance folder as `flask prepare` leaves it; to be copied, not used."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKLING_INSTANCE", str(folder))
        application = create_app()
        result = application.test_cli_runner().invoke(args=["prepare"])
        assert result.exit_code == 0, result.output
        dispose(application)
    return folder


def dispose(application: Flask) -> None:
    """Close the database connections of an application."""
    from webapp.db import db

    with application.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def instance(prepared_instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an instance folder of the test's own, ready to start."""
    folder = tmp_path / "instance"
    shutil.copytree(prepared_instance, folder)
    monkeypatch.setenv("INKLING_INSTANCE", str(folder))
    return folder


@pytest.fixture
def app(instance: Path) -> Iterator[Flask]:
    """Return an application with the shipped versions live and nothing else in its database."""
    application = create_app(
        {"TESTING": True, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}
    )
    yield application
    dispose(application)


@pytest.fixture(scope="session")
def quiet_app(prepared_instance: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return an application that all tests share which save nothing."""
    folder = tmp_path_factory.mktemp("quiet") / "instance"
    shutil.copytree(prepared_instance, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKLING_INSTANCE", str(folder))
        application = create_app(
            {"TESTING": True, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}
        )
    yield application
    dispose(application)


@pytest.fixture
def quiet(quiet_app: Flask) -> FlaskClient:
    """Return somebody on the site that is shared, for tests that save nothing."""
    return quiet_app.test_client()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return somebody who comes for the first time."""
    return app.test_client()


@pytest.fixture
def alice(app: Flask) -> FlaskClient:
    """Return Alice, a visitor who owns what the test makes her hand in."""
    return app.test_client()


@pytest.fixture
def charlie(app: Flask) -> FlaskClient:
    """Return Charlie, another visitor, to whom nothing of Alice's belongs."""
    return app.test_client()


@pytest.fixture
def bob(app: Flask) -> FlaskClient:
    """Return Bob, a reviewer who is signed in."""
    name, password = BOB
    result = app.test_cli_runner().invoke(args=["reviewers", "add", name, "--password", password])
    assert result.exit_code == 0, result.output
    person = app.test_client()
    response = person.post("/auth/sign-in", data={"name": name, "password": password})
    assert response.status_code == 303, response.text
    return person


@pytest.fixture
def site(instance: Path) -> Iterator[Site]:
    """Return a site of the test's own, served by two real gunicorn workers."""
    with serve(instance) as found:
        yield found


@pytest.fixture
def carol(app: Flask) -> FlaskClient:
    """Return Carol, who sends no cookie back: a script that knows none."""
    return app.test_client(use_cookies=False)


@pytest.fixture(scope="session")
def card() -> Card:
    """Return the card of a model that never refuses and is never unsure."""
    return Card(
        family="cnn",
        architecture="pixels",
        parameters=7850,
        preprocessing_version=1,
        temperature=1.0,
        refusal=Refusal("energy", 100.0),
        unsure_below=0.0,
        answer="mean",
        created_at="2026-01-02T03:04:05+00:00",
        seed=1,
        packages={"keras": "3"},
        data={},
        configuration={},
        figures={"mnist_test": {"accuracy": 0.5}},
        history={},
        weights_sha256="0" * 64,
    )


@pytest.fixture(scope="session")
def make_bundle(card: Card) -> Callable[..., Bundle]:
    """Return a maker of tiny real models whose logits one can read off the picture.

    Logit d is `gain` times the grey level, 0..1, of pixel d of the uppermost row.
    """

    @functools.cache
    def files(gain: float, outputs: int) -> tuple[str, bytes, bytes]:
        import keras

        from ml import export

        picture = keras.Input((28, 28))
        logits = keras.layers.Dense(outputs)(keras.layers.Flatten()(picture))
        model = keras.Model(picture, logits)
        model.set_weights([np.eye(784, outputs) * gain, np.zeros(outputs)])
        return export.weights_sha256(model), export.to_keras(model), export.to_tflite(model)

    def make(*, gain: float = 1.0, outputs: int = 10, **changes: Any) -> Bundle:
        sha256, keras_file, tflite_file = files(gain, outputs)
        known = replace(card, weights_sha256=sha256)
        return Bundle.sealed(replace(known, **changes), keras_file, tflite_file)

    return make
