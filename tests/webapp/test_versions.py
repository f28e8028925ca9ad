import re
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml import bundle
from ml.bundle import Bundle
from ml.images import to_png
from tests.webapp.steps import add_version
from webapp.db import begin_write, db
from webapp.models import ModelFile, ModelVersion, Promotion


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

    assert "MNIST test set" in page
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
    assert "It reads my sevens. The gate refused cnn-2: It forgot MNIST. · Bob" in after
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


def test_the_line_of_versions_says_what_each_gained_and_learned_from(
    app: Flask, client: FlaskClient, make_bundle: Callable[..., Bundle]
) -> None:
    rows = [
        {"name": "MNIST, unseen", "before": "99.1 %", "after": "99.2 %", "gained": 3, "lost": 1},
        {"name": "recall of 7", "before": "98.1 %", "after": "98.2 %", "gained": 2, "lost": 0},
        {"name": "corrections read wrong", "before": "12", "after": "3"},
    ]
    report = {"passed": True, "reasons": [], "rows": [row | {"passed": True} for row in rows]}
    counts = {"corrections": 118, "taught": 94, "held_out": 24, "outdated": 0}
    with app.app_context():
        begin_write()
        parent = ModelVersion.named("cnn-1")
        made = make_bundle(gain=5.0, learned_from=counts)
        ModelVersion.add(made, origin="retrain", parent=parent, report=report)
        db.session.commit()

    page = _text(client.get("/versions").text)

    assert "MNIST and 118 corrections, 24 of them held out" in page
    assert "corrections read wrong 12 → 3 MNIST, unseen 99.1 % → 99.2 % +3 −1" in page
    assert "recall of 7" not in page
    assert "Retrained from cnn-1" in page


def _text(page: str) -> str:
    """Return what a page says, without its tags and line breaks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_line_of_versions_shows_plots_and_what_was_refused(
    client: FlaskClient, drawn: str, second: str
) -> None:
    page = client.get("/versions").text

    assert f"/versions/{drawn}/plots/confusion-light.png?" in page
    assert f"/versions/{drawn}/plots/learning-light.png?" not in page
    assert ">refused</span>" in page
    assert "It forgot MNIST." in page


def test_what_the_gate_refused_is_recorded_when_a_reviewer_promotes_it(
    bob: FlaskClient, second: str
) -> None:
    assert "It did not pass." in bob.get(f"/versions/{second}").text

    page = bob.post(
        f"/versions/{second}/promote", data={"reason": "We need it."}, follow_redirects=True
    ).text

    assert f"We need it. The gate refused {second}: It forgot MNIST. · Bob" in page


def test_a_pruned_version_is_remembered_and_not_promoted(
    app: Flask, bob: FlaskClient, drawn: str
) -> None:
    with app.app_context():
        begin_write()
        ModelFile.delete_all(drawn)
        db.session.commit()

    assert ">pruned</span>" in bob.get("/versions").text
    page = bob.get(f"/versions/{drawn}").text
    assert "Its files were pruned" in page
    assert "Make it live" not in page
    response = bob.post(f"/versions/{drawn}/promote", data={"reason": "All the same."})
    assert response.status_code == 409
    assert "were pruned" in response.text


@pytest.fixture
def detailed(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version with other forms, readings and styles, beside a live dnn."""
    count = [[100 * (row == column) for column in range(10)] for row in range(10)]
    count[7] = [0, 4, 0, 0, 0, 0, 0, 96, 0, 0]
    mistakes = [[at, 7, 1] for at in range(4)]
    cnn = make_bundle(
        gain=5.0,
        readings={"mnist_test": {"confusion": count, "mistakes": mistakes}},
        styles={"7 barred": {"accuracy": 0.5, "refused": 0.25}},
        costs={"model.tflite": {"bytes": 1_234_000.0, "milliseconds": 0.321}},
    )
    dnn = make_bundle(
        gain=5.0,
        family="dnn",
        readings={"mnist_test": {"confusion": count, "mistakes": [*mistakes, [900, 9, 4]]}},
        costs={"model.tflite": {"bytes": 4_321_000.0, "milliseconds": 0.054}},
    )
    name = add_version(
        app, cnn.with_exports({"model-int8.tflite": b"small", "model.onnx": b"other"})
    )
    other = add_version(app, dnn)
    with app.app_context():
        begin_write()
        version = db.session.get_one(ModelVersion, other)
        Promotion.promote([version], by="Bob", reason="To stand beside.")
        db.session.commit()
    return name


def test_every_form_that_was_made_is_downloaded(bob: FlaskClient, detailed: str) -> None:
    page = bob.get(f"/versions/{detailed}").text
    response = bob.get(f"/versions/{detailed}/files/model-int8.tflite")

    assert response.data == b"small"
    disposition = f"attachment; filename={detailed}-int8.tflite"
    assert response.headers["Content-Disposition"] == disposition
    assert f'href="/versions/{detailed}/files/model.onnx"' in page
    assert "1,234" in page


def test_what_was_not_made_says_how_it_is(bob: FlaskClient, detailed: str, plain: str) -> None:
    page = bob.get(f"/versions/{detailed}").text

    assert f"flask versions export {detailed} --format saved-model" in page
    assert "--format onnx" not in page
    assert "--format onnx" in bob.get(f"/versions/{plain}").text
    assert bob.get(f"/versions/{detailed}/files/saved-model.zip").status_code == 404


def test_figures_of_each_digit_and_of_the_worst_styles_are_shown(
    client: FlaskClient, detailed: str, plain: str
) -> None:
    page = client.get(f"/versions/{detailed}").text
    row = re.search(r'<th scope="row">7</th>\s*<td>([^<]*)</td>\s*<td>([^<]*)</td>', page)

    assert row is not None
    assert [one.strip() for one in row.groups()] == ["100.00 %", "96.00 %"]
    assert "7 barred" in page
    assert "Digit by digit" not in client.get(f"/versions/{plain}").text


def test_a_version_is_shown_beside_the_other_family(client: FlaskClient, detailed: str) -> None:
    page = client.get(f"/versions/{detailed}").text

    assert "Beside dnn-2" in page
    assert "they read 1 differently" in page
    assert "Neither reads better for sure" in page
    assert "0.321 ms" in page
    assert "0.054 ms" in page
