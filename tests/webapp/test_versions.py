import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml import bundle
from ml.bundle import Bundle, Card
from ml.images import to_png
from ml.plots import PLOTS
from webapp.db import begin_write, db
from webapp.models import ModelFile, ModelVersion
from webapp.versions import PLOT_KINDS


@pytest.fixture
def second(app: Flask) -> str:
    """Return the name of a second cnn that is not live."""
    with app.app_context():
        begin_write()
        shipped = bundle.load(bundle.PRETRAINED / "cnn")
        parent = ModelVersion.named("cnn-1")
        row = {"name": "MNIST", "before": "99.1 %", "after": "97.3 %", "passed": False}
        report = {"passed": False, "reasons": ["It forgot MNIST."], "rows": [row]}
        version = ModelVersion.add(shipped, origin="retrain", parent=parent, report=report)
        db.session.commit()
        return version.name


def test_visitors_see_the_versions_and_cannot_act(client: FlaskClient, second: str) -> None:
    page = client.get("/versions").text

    for name in ("cnn-1", "dnn-1", second):
        assert f'href="/versions/{name}"' in page
    assert "MNIST" in page
    assert "roll-back" not in page


def test_a_version_shows_its_card(client: FlaskClient) -> None:
    page = client.get("/versions/dnn-1").text

    assert "mnist test" in page
    assert "Configuration" in page
    assert "promote" not in page


def test_a_retrained_version_shows_its_parent_and_what_the_gate_said(
    client: FlaskClient, second: str
) -> None:
    page = client.get(f"/versions/{second}").text

    assert 'href="/versions/cnn-1"' in page
    assert "What the gate said" in page
    assert "It forgot MNIST." in page
    assert "97.3 %" in page


@pytest.fixture
def drawn(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version that has the plots of one kind, and half of another's."""
    plots = {
        "confusion-light.png": to_png(np.full((60, 64), 250, np.uint8)),
        "confusion-dark.png": to_png(np.full((60, 64), 20, np.uint8)),
        "learning-light.png": to_png(np.full((50, 64), 250, np.uint8)),
    }
    return _add(app, replace(make_bundle(gain=3.0), plots=plots))


@pytest.fixture
def plain(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version without plots."""
    return _add(app, make_bundle(gain=4.0))


def _add(app: Flask, made: Bundle) -> str:
    with app.app_context():
        begin_write()
        version = ModelVersion.add(made, origin="train")
        db.session.commit()
        return version.name


def test_a_version_shows_its_plots_for_light_and_dark(client: FlaskClient, drawn: str) -> None:
    page = client.get(f"/versions/{drawn}").text

    (image,) = re.findall(r'<img src="/versions[^>]*>', page)
    (dark,) = re.findall(r'<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)"', page)
    assert f"/versions/{drawn}/plots/confusion-dark.png?" in dark
    assert f"/versions/{drawn}/plots/confusion-light.png?" in image
    assert 'width="64" height="60" loading="lazy"' in image
    assert "50.00 % as what they are" in image


def test_a_plot_never_changes(client: FlaskClient, drawn: str) -> None:
    response = client.get(f"/versions/{drawn}/plots/confusion-dark.png")

    assert response.mimetype == "image/png"
    assert response.data == to_png(np.full((60, 64), 20, np.uint8))
    assert response.cache_control.immutable
    assert "Set-Cookie" not in response.headers


def test_a_version_without_plots_shows_none(client: FlaskClient, plain: str) -> None:
    assert "/plots/" not in client.get(f"/versions/{plain}").text
    assert client.get(f"/versions/{plain}/plots/confusion-light.png").status_code == 404


@pytest.mark.parametrize("file", ["model.keras", "model.tflite", "x.png", "%00.png", "..%2Fx.png"])
def test_what_is_no_plot_is_404(bob: FlaskClient, drawn: str, file: str) -> None:
    assert bob.get(f"/versions/{drawn}/plots/{file}").status_code == 404


def test_the_page_knows_every_kind_of_plot_there_is() -> None:
    assert set(PLOT_KINDS) == set(PLOTS)


def test_every_plot_is_described_in_words(app: Flask, card: Card) -> None:
    figures = {"mnist_test": dict.fromkeys(("accuracy", "precision", "recall", "ece"), 0.5)}
    history = {"val_accuracy": [0.9, 0.98], "val_loss": [0.5, 0.06]}
    known = replace(card, figures=figures, history=history)

    told = [_plot_words(app, kind, known) for kind in PLOT_KINDS]

    assert all(one.endswith(".") and "not measured" not in one for one in told)
    assert len(set(told)) == len(PLOT_KINDS)
    assert "after 2 epochs 98.00 %" in told[1]
    assert _plot_words(app, "learning", card) == "Accuracy and loss by epoch."


def _plot_words(app: Flask, kind: str, card: Card) -> str:
    words: Any = app.jinja_env.get_template("versions/words.html").module
    return str(words.plot_words(kind, card))


@pytest.mark.parametrize("ending", ["keras", "tflite", "json"])
def test_a_reviewer_downloads_the_files(
    bob: FlaskClient, plain: str, make_bundle: Callable[..., Bundle], ending: str
) -> None:
    made = make_bundle(gain=4.0)
    file = {"keras": "model.keras", "tflite": "model.tflite", "json": "card.json"}[ending]
    response = bob.get(f"/versions/{plain}/files/{file}")

    expected = {"keras": made.keras, "tflite": made.tflite, "json": made.card.to_json().encode()}
    assert f'href="/versions/{plain}/files/{file}"' in bob.get(f"/versions/{plain}").text
    assert response.headers["Content-Disposition"] == f"attachment; filename={plain}.{ending}"
    assert response.data == expected[ending]


def test_visitors_are_asked_to_sign_in_before_a_download(client: FlaskClient) -> None:
    response = client.get("/versions/cnn-1/files/model.keras")

    assert response.status_code == 303
    assert response.location == "/auth/sign-in?next=/versions/cnn-1/files/model.keras"
    assert "/files/" not in client.get("/versions/cnn-1").text


def test_damaged_bytes_are_never_sent(app: Flask, bob: FlaskClient, plain: str) -> None:
    with app.app_context():
        begin_write()
        db.session.get_one(ModelFile, (plain, "model.keras")).content = b"damaged"
        db.session.commit()

    for file in ("model.keras", "model.tflite", "card.json"):
        response = bob.get(f"/versions/{plain}/files/{file}")
        assert response.status_code == 500
        assert "is damaged" in response.text
        assert "Content-Disposition" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "cnn-1/files/weights.bin",
        "cnn-1/files/confusion-light.png",
        "cnn-99/files/card.json",
        "cnn-99/plots/confusion-light.png",
    ],
)
def test_a_file_or_version_that_is_not_there_is_404(bob: FlaskClient, path: str) -> None:
    assert bob.get(f"/versions/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/versions/cnn-1/promote", "/versions/roll-back"])
def test_acting_asks_visitors_to_sign_in(client: FlaskClient, path: str) -> None:
    response = client.post(path, data={"reason": "because"})

    assert response.status_code == 303
    assert response.location.startswith("/auth/sign-in")


def test_a_reviewer_promotes_and_rolls_back(bob: FlaskClient, second: str) -> None:
    assert "Promote" in bob.get(f"/versions/{second}").text

    promoted = bob.post(f"/versions/{second}/promote", data={"reason": "It reads my sevens."})
    after = bob.get(promoted.location).text
    rolled = bob.post("/versions/roll-back", data={"reason": "It lost the ones."})
    back = bob.get(rolled.location).text

    assert f"{second} is live." in after
    assert "It reads my sevens. · Bob" in after
    assert "cnn-1 and dnn-1 are live again." in back
    assert "It lost the ones. · Bob" in back


def test_what_is_live_already_is_not_promoted(bob: FlaskClient) -> None:
    response = bob.post("/versions/cnn-1/promote", data={"reason": "Once more."})

    assert response.status_code == 409
    assert "live already" in response.text


def test_there_is_nothing_to_roll_back_to_at_first(bob: FlaskClient) -> None:
    response = bob.post("/versions/roll-back", data={"reason": "Just so."})

    assert response.status_code == 409
    assert "no earlier promotion" in response.text


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
@pytest.mark.parametrize("path", ["/versions/cnn-1/promote", "/versions/roll-back"])
def test_acting_takes_a_reason(bob: FlaskClient, path: str, reason: str) -> None:
    response = bob.post(path, data={"reason": reason})

    assert response.status_code == 400
    assert "Say why" in response.text


@pytest.mark.parametrize("name", ["cnn-99", "cnn", "cnn-x", "rnn-1", "cnn-99999999999999999999"])
def test_an_unknown_version_is_404(bob: FlaskClient, name: str) -> None:
    assert bob.get(f"/versions/{name}").status_code == 404
    assert bob.post(f"/versions/{name}/promote", data={"reason": "?"}).status_code == 404


def test_other_methods_are_not_taken(bob: FlaskClient) -> None:
    assert bob.post("/versions").status_code == 405
    assert bob.get("/versions/cnn-1/promote").status_code == 405
    assert bob.post("/versions/cnn-1/files/card.json").status_code == 405
    assert bob.post("/versions/cnn-1/plots/learning-dark.png").status_code == 405
