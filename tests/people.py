"""What people do on the site, for tests: have a drawing read, correct a digit."""

import io
from typing import Any

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ml.images import to_png
from tests import pen
from webapp.db import db

PREDICTIONS = "/api/v1/predictions"

SEVEN = np.zeros((300, 300), np.uint8)
SEVEN[60:80, 80:220] = 255
for row in range(80, 250):
    SEVEN[row, 200 - (row - 80) // 2 : 222 - (row - 80) // 2] = 255
PNG = to_png(255 - SEVEN)
"""A seven, dark on light."""


def read(person: FlaskClient, label: int = 7, seed: int = 0, **more: Any) -> dict[str, Any]:
    """Have a drawing of a digit read and saved; return the answer."""
    body = {"strokes": pen.write(label, seed), "width": pen.CANVAS, "height": pen.CANVAS, **more}
    response = person.post(PREDICTIONS, json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def digit_of(answer: dict[str, Any]) -> str:
    """Return the id of the one digit of an answer."""
    return str(answer["digits"][0]["id"])


def correct(person: FlaskClient, digit_id: str, label: int | None) -> TestResponse:
    """Say what a digit really is."""
    return person.post(f"/api/v1/digits/{digit_id}/corrections", json={"label": label})


def error_of(response: TestResponse, status: int, code: str) -> str:
    """Check that a response is an error in the one shape, and return its message."""
    assert response.status_code == status, response.text
    body = response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"] == code
    message: str = body["error"]["message"]
    assert len(message) > 20
    assert message.endswith((".", "}"))
    return message


def count(app: Flask, record: type[Any]) -> int:
    """Return how many rows of a record there are."""
    with app.app_context():
        return db.session.query(record).count()


def post_file(
    person: FlaskClient, data: bytes, name: str = "seven.png", **form: Any
) -> TestResponse:
    """Send a picture as a form does."""
    return person.post(PREDICTIONS, data={"image": (io.BytesIO(data), name), **form})
