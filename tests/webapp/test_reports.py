"""Plots in words, and a version's report: one file that needs nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml.bundle import Bundle, Card
from ml.plots import PLOTS
from webapp.models import ModelVersion
from webapp.reports import PLOT_KINDS, write_missing


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


@pytest.fixture
def reported(app: Flask, drawn: str) -> str:
    """Return the name of a version with a report."""
    with app.app_context():
        assert write_missing() == 1
    return drawn


def test_a_report_is_one_file_that_needs_nothing_else(bob: FlaskClient, reported: str) -> None:
    assert f'href="/versions/{reported}/report.html"' in bob.get(f"/versions/{reported}").text
    response = bob.get(f"/versions/{reported}/report.html")

    assert response.mimetype == "text/html"
    disposition = f"attachment; filename={reported}-report.html"
    assert response.headers["Content-Disposition"] == disposition
    assert f"<h1>{reported}</h1>" in response.text
    assert not re.search(r'(src|href|srcset)="(?!data:)', response.text)
    assert "url(" not in response.text
    assert "@import" not in response.text
    assert response.text.count("data:image/png;base64,") == 2
    assert "What was read as what" in response.text


def test_a_report_is_no_part_of_the_files_of_a_version(
    app: Flask, reported: str, make_bundle: Callable[..., Bundle]
) -> None:
    with app.app_context():
        version = ModelVersion.named(reported)
        assert version is not None
        assert set(version.bundle().plots) == {
            "confusion-light.png",
            "confusion-dark.png",
            "learning-light.png",
        }
        assert write_missing() == 0


def test_what_ships_has_a_report(bob: FlaskClient) -> None:
    report = bob.get("/versions/cnn-1/report.html")
    assert report.status_code == 200
    assert "Configuration" in report.text


def test_a_report_is_for_reviewers(client: FlaskClient, bob: FlaskClient, plain: str) -> None:
    assert client.get("/versions/cnn-1/report.html").status_code == 303
    assert "report.html" not in client.get("/versions/cnn-1").text
    assert bob.get(f"/versions/{plain}/report.html").status_code == 404
    assert bob.get("/versions/cnn-99/report.html").status_code == 404
    assert bob.post("/versions/cnn-1/report.html").status_code == 405
