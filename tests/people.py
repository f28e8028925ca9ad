"""What people do on the site, for tests: have a drawing read, correct a digit."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests import pen

PREDICTIONS = "/api/v1/predictions"


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
