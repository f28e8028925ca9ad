"""What people do on the pages, in one line each."""

import io
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from ml.bundle import Bundle
from tests.pen import Strokes, write, write_number
from webapp.db import begin_write, db
from webapp.models import ModelVersion

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


def shown(page: str) -> list[str]:
    """Return the ids of the digits that a page of the history shows, in its order."""
    return re.findall(r'id="shown-(\w+)"', page)


def add_version(app: Flask, made: Bundle) -> str:
    """Save a version of a bundle and return its name."""
    with app.app_context():
        begin_write()
        version = ModelVersion.add(made, origin="train")
        db.session.commit()
        return version.name
