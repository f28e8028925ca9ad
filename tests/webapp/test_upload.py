import io

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pen import write
from tests.webapp.steps import FRAGMENT, JSON, png


def _upload(client: FlaskClient, data: bytes, **options: object) -> TestResponse:
    file = (io.BytesIO(data), "picture.png")
    return client.post("/upload", data={"image": file}, **options)


def test_the_form_is_there_for_anybody(client: FlaskClient) -> None:
    page = client.get("/upload").text

    assert 'type="file"' in page
    assert "up to 20 MB" in page


def test_an_uploaded_digit_is_read_and_leads_to_its_page(alice: FlaskClient) -> None:
    response = _upload(alice, png(write(5)))

    assert response.status_code == 303
    page = alice.get(response.location).text
    assert "Read as 5" in page
    assert "uploaded, 280 × 280" in page


def test_scripts_get_a_fragment_or_json(alice: FlaskClient) -> None:
    picture = png(write(2))

    assert "Read as 2" in _upload(alice, picture, headers=FRAGMENT).text
    assert _upload(alice, picture, headers=JSON).get_json()["reading"] == "2"


def test_an_empty_sheet_leads_back_to_the_form(alice: FlaskClient) -> None:
    response = _upload(alice, png([]))

    assert (response.status_code, response.location) == (303, "/upload")
    assert "No ink was found" in alice.get("/upload").text


def test_no_file_is_asked_for_again(alice: FlaskClient) -> None:
    response = alice.post("/upload", data={"image": (io.BytesIO(b""), "")})

    assert response.status_code == 400
    assert "Choose a picture first" in response.text


def test_an_empty_file_is_named(alice: FlaskClient) -> None:
    response = _upload(alice, b"")

    assert response.status_code == 400
    assert "picture.png is empty" in response.text


def test_text_called_png_is_no_picture(alice: FlaskClient) -> None:
    assert _upload(alice, b"Dear diary").status_code == 415


def test_a_truncated_png_is_no_picture(alice: FlaskClient) -> None:
    assert _upload(alice, png(write(5))[:200]).status_code == 415


def test_other_methods_are_not_taken(alice: FlaskClient) -> None:
    assert alice.delete("/upload").status_code == 405
