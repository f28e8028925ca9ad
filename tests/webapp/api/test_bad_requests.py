"""What is malformed, too large, or sent from elsewhere, and how the API says so."""

import io
import zlib
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import pen
from tests.people import PNG, PREDICTIONS, count, error_of, post_file, read
from webapp import create_app
from webapp.models import Submission


class TestBadStrokes:
    @pytest.mark.parametrize(
        "body, told",
        [
            ("", "cannot be read as JSON"),
            ("{", "cannot be read as JSON"),
            ("[" * 100_000, "cannot be read as JSON"),
            ('{"strokes": ' + "[" * 100_000 + "]" * 100_000 + "}", "cannot be read as JSON"),
            ('{"strokes": [[[' + "9" * 5000 + ", 1]]]}", "cannot be read as JSON"),
            ("null", "Expected a JSON object"),
            ("[]", "Expected a JSON object"),
            ('"strokes"', "Expected a JSON object"),
            ("{}", "Expected a JSON object"),
            ('{"strokes": null}', "must be a list of strokes, not null"),
            ('{"strokes": "7"}', "must be a list of strokes, not a text"),
            ('{"strokes": [[["1", "2"]]]}', "must hold finite numbers, not a text"),
            ('{"strokes": [[[true, false]]]}', "must hold finite numbers, not true or false"),
            ('{"strokes": [[[1e999, 1]]]}', "must hold finite numbers, not an infinite number"),
            (
                '{"strokes": [[[NaN, 1]]]}',
                "must hold finite numbers, not an infinite number or NaN",
            ),
            ('{"strokes": [[[1, 1' + "0" * 400 + "]]]}", "lies outside"),
            ('{"strokes": [[[[1], 2]]]}', "must hold finite numbers, not a list"),
            ('{"strokes": [], "width": 0}', "width must be a number from 1 to 20000"),
            ('{"strokes": [], "width": null}', "width must be a number"),
            ('{"strokes": [], "height": true}', "height must be a number"),
            ('{"strokes": [], "height": 1e999}', "height must be a number"),
            ('{"strokes": [], "height": 1' + "0" * 400 + "}", "height must be a number"),
            ('{"strokes": [], "save": "no"}', "save must be true or false"),
            ('{"strokes": [], "replaces": 7}', "replaces must be the id of a prediction, or null"),
        ],
        ids=lambda text: text[:40],
    )
    def test_are_malformed(self, quiet_app: Flask, quiet: FlaskClient, body: str, told: str):
        response = quiet.post(PREDICTIONS, data=body, content_type="application/json")
        assert told in error_of(response, 400, "bad-request")
        assert "Set-Cookie" not in response.headers
        assert count(quiet_app, Submission) == 0

    def test_in_no_known_encoding_are_malformed(self, quiet: FlaskClient):
        for body in (b'{"strokes": "\xff\xfe"}', b"\xff\xff", '{"strokes": []}'.encode("utf-16")):
            response = quiet.post(PREDICTIONS, data=body, content_type="application/json")
            assert response.status_code in (200, 400)
            if response.status_code == 400:
                error_of(response, 400, "bad-request")

    def test_of_a_million_points_are_too_large(self, quiet: FlaskClient):
        body = '{"strokes": [[' + ",".join(["[1,2]"] * 1_000_000) + "]]}"
        response = quiet.post(PREDICTIONS, data=body, content_type="application/json")
        message = error_of(response, 413, "too-large")
        assert "has 1,000,000 points; at most 20,000 are read" in message

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["strokes", "width", "save", "replaces"]), inner)
            ),
            max_leaves=10,
        )
    )
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_and_any_other_json_never_break_the_site(self, quiet: FlaskClient, body: Any):
        wrapped = {"strokes": body, "save": False}
        for sent in (body, wrapped):
            response = quiet.post(PREDICTIONS, json=sent)
            assert response.status_code in (200, 201, 400, 413), response.text


class TestBadPictures:
    @pytest.mark.parametrize(
        "data, told",
        [
            (b"Dear Inkling, this is a 7.", "not a picture that can be read"),
            (PNG[: len(PNG) // 2], "damaged"),
            (b"\x89PNG\r\n\x1a\n", "not a picture that can be read"),
        ],
        ids=["text", "truncated", "signature"],
    )
    def test_are_unreadable(self, quiet_app: Flask, quiet: FlaskClient, data: bytes, told: str):
        response = post_file(quiet, data)
        assert told in error_of(response, 415, "unreadable-picture")
        assert "Set-Cookie" not in response.headers
        assert count(quiet_app, Submission) == 0

    @pytest.mark.parametrize("name", ["", "empty.png"])
    def test_that_are_empty_are_told(self, quiet: FlaskClient, name: str):
        assert "Nothing came in" in error_of(post_file(quiet, b"", name), 400, "bad-request")

    @pytest.mark.parametrize(
        "form", [{}, {"image": "text"}, {"picture": (io.BytesIO(PNG), "a.png")}]
    )
    def test_that_did_not_come_are_asked_for(self, quiet: FlaskClient, form: Any):
        response = quiet.post(PREDICTIONS, data=form, content_type="multipart/form-data")
        assert "form field named image" in error_of(response, 400, "bad-request")

    def test_without_a_body_are_asked_for(self, quiet: FlaskClient):
        assert "Nothing came in" in error_of(quiet.post(PREDICTIONS), 400, "bad-request")

    def test_with_another_word_for_save_are_refused(self, quiet: FlaskClient):
        response = post_file(quiet, PNG, save="perhaps")
        assert "save must be true or false" in error_of(response, 400, "bad-request")

    def test_of_20000_by_20000_pixels_are_too_large(self, quiet: FlaskClient):
        huge = bytearray(PNG)
        huge[16:24] = (20_000).to_bytes(4, "big") * 2
        huge[29:33] = zlib.crc32(bytes(huge[12:29])).to_bytes(4, "big")
        message = error_of(post_file(quiet, bytes(huge)), 413, "too-large")
        assert "has 20,000×20,000 pixels; at most 50,000,000 in all are read" in message


class TestTooManyBytes:
    @pytest.fixture
    def narrow(self, instance: Any) -> Any:
        from tests.conftest import dispose

        application = create_app({"TESTING": True, "INKLING_MAX_UPLOAD_BYTES": 1000})
        yield application.test_client()
        dispose(application)

    @pytest.mark.parametrize(
        "sent",
        [
            {"data": bytes(1001), "content_type": "image/png"},
            {"data": b" " * 1001, "content_type": "application/json"},
            {"data": {"image": (io.BytesIO(bytes(1001)), "a.png")}},
        ],
        ids=["bytes", "json", "form"],
    )
    def test_are_too_large(self, narrow: FlaskClient, sent: Any):
        message = error_of(narrow.post(PREDICTIONS, **sent), 413, "too-large")
        assert "at most 1,000 bytes are taken" in message


class TestForeignRequests:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost:1"},
            {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        ],
    )
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_that_change_something_are_forbidden(
        self, app: Flask, alice: FlaskClient, headers: dict[str, str], method: str
    ):
        answer = read(alice)
        path = PREDICTIONS if method == "POST" else f"{PREDICTIONS}/{answer['id']}"
        response = alice.open(path, method=method, json={"strokes": pen.write(1)}, headers=headers)
        assert "another site" in error_of(response, 403, "forbidden")
        assert count(app, Submission) == 1

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}],
    )
    def test_of_this_site_and_of_programs_are_answered(
        self, alice: FlaskClient, headers: dict[str, str]
    ):
        response = alice.post(PREDICTIONS, json={"strokes": pen.write(1)}, headers=headers)
        assert response.status_code == 201

    def test_that_only_look_are_answered(self, alice: FlaskClient):
        assert alice.get(PREDICTIONS, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
