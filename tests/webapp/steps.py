"""What people do on the pages, in one line each."""

import io
from typing import Any

from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from tests.pen import Strokes, write, write_number

FRAGMENT = {"X-Fragment": "yes"}
JSON = {"Accept": "application/json"}
UNKNOWN_ID = "0" * 26


def draw(client: FlaskClient, label: int = 7, seed: int = 0) -> dict[str, Any]:
    """Draw a digit on `/` and return the answer."""
    response = post_strokes(client, write(label, seed))
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def draw_number(client: FlaskClient, *labels: int) -> dict[str, Any]:
    """Draw several digits beside each other and return the answer."""
    response = post_strokes(client, write_number(labels), width=140 * len(labels), height=280)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def post_strokes(client: FlaskClient, strokes: object, **more: object) -> TestResponse:
    """Post strokes as the drawing page does, and ask for JSON."""
    return client.post("/", json={"strokes": strokes, **more}, headers=JSON)


def digit_id(answer: dict[str, Any]) -> str:
    """Return the id of the only digit of an answer."""
    (digit,) = answer["digits"]
    return str(digit["id"])


def correct(client: FlaskClient, answer: dict[str, Any], label: int | str) -> TestResponse:
    """Say what the only digit of an answer really is."""
    return client.post(f"/digits/{digit_id(answer)}/corrections", data={"label": label})


def accept_all(client: FlaskClient) -> None:
    """Let a reviewer accept every correction that waits."""
    response = client.post("/predictions/bulk", data={"do": "accept", "all": "yes"})
    assert response.status_code == 303, response.text


def png(strokes: Strokes) -> bytes:
    """Return a picture of strokes, dark on light, wide enough for them."""
    right = max((x for stroke in strokes for x, _ in stroke), default=0)
    image = Image.new("L", (max(280, round(right) + 40), 280), 240)
    pen = ImageDraw.Draw(image)
    for stroke in strokes:
        pen.line([(x, y) for x, y in stroke], fill=20, width=12, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
