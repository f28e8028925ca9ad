import base64
import io
import re

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from ml.datasets import DatasetError, load_test
from ml.preprocessing import picture_hash
from webapp import recognition
from webapp.samples import NUM_SAMPLES


def _pictures(page: str) -> list[np.ndarray]:
    encoded = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in encoded]


def test_a_dozen_digits_are_shown_with_both_answers_beside_the_truth(quiet: FlaskClient) -> None:
    response = quiet.get("/samples")

    page = response.text
    assert response.status_code == 200
    assert page.count("card sample") == NUM_SAMPLES
    assert page.count("<dt>cnn</dt>") == page.count("<dt>dnn</dt>") == NUM_SAMPLES
    assert len(re.findall(r"\d+ of 12 right", page)) == 2
    assert 'href="/versions/cnn-1"' in page


def test_the_pictures_are_test_digits_and_the_labels_theirs(quiet: FlaskClient) -> None:
    test = load_test()
    known = dict(zip(map(picture_hash, test.images), test.labels.tolist(), strict=True))
    page = quiet.get("/samples").text

    labels = re.findall(r'class="sample-label">\s*(\d)', page)
    assert [known[picture_hash(one)] for one in _pictures(page)] == [int(one) for one in labels]


def test_another_dozen_is_another(quiet: FlaskClient) -> None:
    first, second = quiet.get("/samples").text, quiet.get("/samples").text

    assert 'href="/samples"' in first
    assert _pictures(first)[0].shape == (28, 28)
    assert {picture_hash(one) for one in _pictures(first)} != {
        picture_hash(one) for one in _pictures(second)
    }


def test_looking_saves_nothing_and_sets_no_cookie(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/samples").headers
    assert "Nothing has been read yet" in client.get("/predictions").text


def test_a_mistake_is_shown_as_one(
    quiet: FlaskClient, monkeypatch: pytest.MonkeyPatch, quiet_app: Flask
) -> None:
    with quiet_app.app_context():
        (sample,), live = recognition.read_samples(1)
    wrong = recognition.Sample(sample.picture, (sample.label + 1) % 10, sample.said)
    monkeypatch.setattr(recognition, "read_samples", lambda count: ([wrong], live))

    page = quiet.get("/samples").text

    assert "0 of 1 right" in page
    assert page.count("is-wrong") == 2


@pytest.mark.parametrize("path", ["/", "/upload"])
def test_a_button_leads_there(quiet: FlaskClient, path: str) -> None:
    assert re.search(r'<a class="button"[^>]* href="/samples"', quiet.get(path).text)


def test_without_the_file_it_says_so_and_shows_no_path(
    quiet: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(count: int) -> None:
        raise DatasetError("/somewhere/mnist.npz is damaged")

    monkeypatch.setattr("ml.samples.random_digits", fail)
    response = quiet.get("/samples")

    assert response.status_code == 503
    assert "no sample digits just now" in response.text
    assert "mnist.npz" not in response.text


def test_other_methods_are_not_taken(quiet: FlaskClient) -> None:
    assert quiet.post("/samples").status_code == 405
