"""`/api/v1/predictions`: read, list, show, delete, and what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from ml.images import to_png
from tests import pen
from tests.people import PNG, PREDICTIONS, correct, count, digit_of, error_of, post_file, read
from webapp.auth import VISITOR_COOKIE
from webapp.db import db
from webapp.models import Digit, ModelPrediction, Original, Submission, Visitor

UNKNOWN_ID = "01" + "0" * 24


class TestAnAnswer:
    def test_has_the_shape_of_the_contract(self, alice: FlaskClient):
        answer = read(alice, 7)
        assert list(answer) == ["digits", "id", "reading", "refused"]
        assert (answer["reading"], answer["refused"]) == ("7", None)
        (digit,) = answer["digits"]
        assert {name: digit[name] for name in ("position", "line", "label", "refused")} == {
            "position": 0,
            "line": 0,
            "label": 7,
            "refused": None,
        }
        assert digit["correction"] is None
        assert digit["unsure"] is False
        assert [len(digit["alternatives"]), digit["alternatives"][0]["label"]] == [3, 7]
        assert digit["alternatives"][0]["confidence"] == digit["confidence"]

    def test_holds_both_models_with_ten_probabilities_each(self, alice: FlaskClient):
        models = read(alice, 7)["digits"][0]["models"]
        assert set(models) == {"cnn", "dnn"}
        for family, model in models.items():
            assert model["version"] == f"{family}-1"
            assert len(model["probabilities"]) == 10
            assert sum(model["probabilities"]) == pytest.approx(1)
            assert model["confidence"] == max(model["probabilities"])

    def test_gives_the_box_in_units_of_the_canvas(self, alice: FlaskClient):
        body = {"strokes": [[[10, 20], [30, 100]]], "width": 120, "height": 120}
        answer = alice.post(PREDICTIONS, json=body).get_json()
        assert answer["digits"][0]["box"] == [10, 20, 20, 80]

    @pytest.mark.parametrize("label", range(10))
    def test_is_the_digit_that_was_drawn(self, client: FlaskClient, label: int):
        assert read(client, label)["reading"] == str(label)

    def test_to_a_picture_is_the_digit_on_it(self, client: FlaskClient):
        response = post_file(client, PNG)
        assert response.status_code == 201
        assert response.get_json()["reading"] == "7"
        assert response.get_json()["digits"][0]["box"] == pytest.approx([80, 60, 142, 190], abs=2)

    def test_to_the_bare_bytes_of_a_picture_is_the_same(self, client: FlaskClient):
        bare = client.post(PREDICTIONS, data=PNG, content_type="image/png").get_json()
        form = post_file(client, PNG).get_json()
        assert bare["digits"][0]["models"] == form["digits"][0]["models"]

    def test_to_a_scribble_is_refused_with_both_models_filled(self, client: FlaskClient):
        answers = [
            client.post(PREDICTIONS, json={"strokes": pen.scribble(seed)}).get_json()
            for seed in range(8)
        ]
        refused = [one for one in answers if one["digits"][0]["refused"] == "not-a-digit"]
        assert refused
        digit = refused[0]["digits"][0]
        assert (refused[0]["reading"], digit["label"], digit["unsure"]) == ("?", None, False)
        assert all(len(model["probabilities"]) == 10 for model in digit["models"].values())

    def test_is_read_again_as_it_was_answered(self, alice: FlaskClient):
        answer = read(alice)
        assert alice.get(f"{PREDICTIONS}/{answer['id']}").get_json() == answer


class TestANumber:
    def read(self, person: FlaskClient, **more: Any) -> dict[str, Any]:
        above, below = (pen.write_number(labels, height=70) for labels in ([4, 0, 7], [1, 9]))
        strokes = above + [[[x, y + 110] for x, y in stroke] for stroke in below]
        body = {"strokes": strokes, "width": 560, "height": 280, **more}
        response = person.post(PREDICTIONS, json=body)
        assert response.status_code in (200, 201), response.text
        answer: dict[str, Any] = response.get_json()
        return answer

    def test_has_a_digit_for_each_in_reading_order(self, alice: FlaskClient):
        answer = self.read(alice)
        assert answer["reading"] == "407\n19"
        places = [(digit["line"], digit["position"]) for digit in answer["digits"]]
        assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
        assert [digit["label"] for digit in answer["digits"]] == [4, 0, 7, 1, 9]
        assert alice.get(f"{PREDICTIONS}/{answer['id']}").get_json() == answer

    def test_has_boxes_around_the_ink_of_each(self, alice: FlaskClient):
        for digit in self.read(alice)["digits"]:
            x, y, width, height = digit["box"]
            assert height == pytest.approx(70, abs=6)
            assert y == pytest.approx(40 + 110 * digit["line"], abs=6)
            assert 0 < x < x + width < 560

    def test_need_not_be_saved(self, quiet_app: Flask, quiet: FlaskClient):
        answer = self.read(quiet, save=False)
        assert (answer["id"], answer["reading"]) == (None, "407\n19")
        assert count(quiet_app, Submission) == 0

    def test_marks_what_is_refused(self, alice: FlaskClient):
        zigzag = [[240 + 4 * at, 60 + 60 * (at % 2) + 7 * (at % 5)] for at in range(40)]
        strokes = [*pen.write_number([4, 7]), zigzag]
        answer = alice.post(PREDICTIONS, json={"strokes": strokes, "width": 560}).get_json()
        assert answer["reading"].startswith("47")
        for digit in answer["digits"][2:]:
            assert (digit["label"] is None) == (digit["refused"] == "not-a-digit")
        assert answer["reading"].count("?") == sum(
            d["refused"] is not None for d in answer["digits"]
        )

    def test_while_it_grows_leaves_one_row(self, app: Flask, alice: FlaskClient):
        strokes, answer = pen.write_number([1, 7, 3]), None
        for end in range(1, len(strokes) + 1):
            body = {"strokes": strokes[:end], "width": 560, "replaces": answer}
            answer = alice.post(PREDICTIONS, json=body).get_json()["id"]
        assert (count(app, Submission), count(app, Digit)) == (1, 3)


class TestSaving:
    def test_writes_one_row_of_each_and_keeps_the_strokes(self, app: Flask, alice: FlaskClient):
        answer = read(alice, 7)
        with app.app_context():
            saved = db.session.get_one(Submission, answer["id"])
            assert saved.source == "api"
            assert saved.original is not None
            assert json.loads(saved.original.content) == pen.write(7)
            assert saved.digits[0].picture.image.shape == (28, 28)
        assert count(app, ModelPrediction) == 2

    def test_sets_the_visitor_cookie_once(self, alice: FlaskClient):
        first = alice.post(PREDICTIONS, json={"strokes": pen.write(7)})
        again = alice.post(PREDICTIONS, json={"strokes": pen.write(8)})
        cookie = first.headers["Set-Cookie"]
        assert cookie.startswith(f"{VISITOR_COOKIE}=")
        for part in ("HttpOnly", "SameSite=Lax", "Max-Age=31536000", "Path=/"):
            assert part in cookie
        assert "Secure" not in cookie
        assert "Set-Cookie" not in again.headers

    @pytest.mark.parametrize("save", [False])
    def test_can_be_declined_for_strokes(self, quiet_app: Flask, quiet: FlaskClient, save: bool):
        response = quiet.post(PREDICTIONS, json={"strokes": pen.write(7), "save": save})
        answer = response.get_json()
        assert response.status_code == 200
        assert (answer["id"], answer["digits"][0]["id"], answer["reading"]) == (None, None, "7")
        assert "Set-Cookie" not in response.headers
        assert (
            count(quiet_app, Submission)
            == count(quiet_app, Visitor)
            == count(quiet_app, Digit)
            == 0
        )

    def test_can_be_declined_for_a_picture(self, quiet_app: Flask, quiet: FlaskClient):
        as_form = post_file(quiet, PNG, save="false")
        as_bytes = quiet.post(f"{PREDICTIONS}?save=false", data=PNG, content_type="image/png")
        assert as_form.status_code == as_bytes.status_code == 200
        assert as_form.get_json() == as_bytes.get_json()
        assert "Set-Cookie" not in as_form.headers
        assert count(quiet_app, Submission) == 0

    @pytest.mark.parametrize("body", [{"strokes": []}, {"strokes": [[]]}, {"strokes": [[[9, 9]]]}])
    def test_never_happens_to_a_blank_drawing(
        self, quiet_app: Flask, quiet: FlaskClient, body: Any
    ):
        response = quiet.post(PREDICTIONS, json=body)
        assert response.status_code == 200
        assert response.get_json() == {"id": None, "reading": "", "refused": "blank", "digits": []}
        assert "Set-Cookie" not in response.headers
        assert count(quiet_app, Submission) == count(quiet_app, Visitor) == 0

    @pytest.mark.parametrize("level", [0, 128, 255])
    def test_never_happens_to_an_empty_page(self, quiet_app: Flask, quiet: FlaskClient, level: int):
        response = post_file(quiet, to_png(np.full((200, 200), level, np.uint8)))
        assert (response.status_code, response.get_json()["refused"]) == (200, "blank")
        assert count(quiet_app, Submission) == 0

    def test_of_eight_at_once_loses_nothing(self, app: Flask):
        people = [app.test_client() for _ in range(8)]

        def draw(person: FlaskClient) -> list[str]:
            return [read(person, seed % 10, seed)["id"] for seed in range(6)]

        with ThreadPoolExecutor(8) as pool:
            ids = [one for drawn in pool.map(draw, people) for one in drawn]
        assert count(app, Submission) == len(set(ids)) == 48
        assert count(app, Visitor) == 8

    def test_of_one_visitor_from_eight_threads_loses_nothing(self, app: Flask, alice: FlaskClient):
        read(alice)
        cookie = alice.get_cookie(VISITOR_COOKIE)
        assert cookie is not None

        def draw(seed: int) -> int:
            person = app.test_client()
            person.set_cookie(VISITOR_COOKIE, cookie.value)
            answer = read(person, seed % 10, seed)
            return correct(person, digit_of(answer), seed % 10).status_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(draw, range(32))) == {201}
        assert count(app, Submission) == 33
        assert count(app, Visitor) == 1


class TestReplacing:
    def test_leaves_one_row_of_a_drawing_that_grows(self, app: Flask, alice: FlaskClient):
        replaces = None
        for strokes in range(1, 4):
            body = {"strokes": [*pen.write(7)[:strokes]], "replaces": replaces}
            replaces = alice.post(PREDICTIONS, json=body).get_json()["id"]
        assert count(app, Submission) == count(app, Digit) == count(app, Original) == 1

    def test_keeps_what_was_corrected(self, app: Flask, alice: FlaskClient):
        first = read(alice)
        correct(alice, digit_of(first), 1)
        read(alice, replaces=first["id"])
        assert count(app, Submission) == 2

    def test_keeps_what_is_anothers(self, app: Flask, alice: FlaskClient, charlie: FlaskClient):
        first = read(alice)
        read(charlie, replaces=first["id"])
        assert count(app, Submission) == 2

    @pytest.mark.parametrize("wanted", [UNKNOWN_ID, "nonsense", "", "\ud800", "\0"])
    def test_of_nothing_known_replaces_nothing(self, app: Flask, alice: FlaskClient, wanted: str):
        read(alice, replaces=wanted)
        assert count(app, Submission) == 1

    def test_happens_only_once_the_new_one_is_good(self, app: Flask, alice: FlaskClient):
        first = read(alice)
        body = {"strokes": [[["x", 1]]], "replaces": first["id"]}
        assert alice.post(PREDICTIONS, json=body).status_code == 400
        assert count(app, Submission) == 1

    def test_does_not_happen_without_saving(self, app: Flask, alice: FlaskClient):
        first = read(alice)
        body = {"strokes": pen.write(8), "replaces": first["id"], "save": False}
        assert alice.post(PREDICTIONS, json=body).status_code == 200
        assert alice.get(f"{PREDICTIONS}/{first['id']}").status_code == 200


class TestMethods:
    @pytest.mark.parametrize(
        "method, path",
        [
            ("PUT", PREDICTIONS),
            ("DELETE", PREDICTIONS),
            ("POST", f"{PREDICTIONS}/{UNKNOWN_ID}"),
            ("PATCH", f"{PREDICTIONS}/{UNKNOWN_ID}"),
        ],
    )
    def test_that_are_wrong_get_405_in_json(self, quiet: FlaskClient, method: str, path: str):
        response = quiet.open(path, method=method)
        error_of(response, 405, "method-not-allowed")
        assert "GET" in response.headers["Allow"]

    def test_of_other_addresses_get_404_in_json(self, quiet: FlaskClient):
        error_of(quiet.get("/api/v1/nothing"), 404, "not-found")


class TestOne:
    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    @pytest.mark.parametrize("wanted", [UNKNOWN_ID, "7", "%00", "%ff", "x" * 500, "'--"])
    def test_that_does_not_exist_is_not_found(self, quiet: FlaskClient, method: str, wanted: str):
        error_of(quiet.open(f"{PREDICTIONS}/{wanted}", method=method), 404, "not-found")

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_of_another_is_not_found(
        self, alice: FlaskClient, charlie: FlaskClient, client: FlaskClient, method: str
    ):
        path = f"{PREDICTIONS}/{read(alice)['id']}"
        read(charlie)
        error_of(charlie.open(path, method=method), 404, "not-found")
        error_of(client.open(path, method=method), 404, "not-found")
        assert alice.get(path).status_code == 200

    def test_is_seen_by_a_reviewer(self, alice: FlaskClient, bob: FlaskClient):
        assert bob.get(f"{PREDICTIONS}/{read(alice)['id']}").status_code == 200

    def test_is_deleted_for_good(self, app: Flask, alice: FlaskClient):
        path = f"{PREDICTIONS}/{read(alice)['id']}"
        response = alice.delete(path)
        assert (response.status_code, response.data) == (204, b"")
        error_of(alice.get(path), 404, "not-found")
        assert count(app, Submission) == count(app, Digit) == count(app, Original) == 0

    def test_shows_the_correction_that_stands(self, alice: FlaskClient):
        answer = read(alice)
        made = correct(alice, digit_of(answer), 1).get_json()
        shown = alice.get(f"{PREDICTIONS}/{answer['id']}").get_json()
        assert shown["digits"][0]["correction"] == made
        assert shown["digits"][0]["label"] == 7


class TestTheList:
    def test_of_somebody_new_is_empty(self, client: FlaskClient):
        response = client.get(PREDICTIONS)
        assert response.get_json() == {"items": [], "next": None}
        assert "Set-Cookie" not in response.headers

    def test_has_ones_own_newest_first(self, alice: FlaskClient, charlie: FlaskClient):
        mine = [read(alice, label)["id"] for label in (1, 2, 3)]
        read(charlie)
        listed = [item["id"] for item in alice.get(PREDICTIONS).get_json()["items"]]
        assert listed == mine[::-1]

    def test_of_a_reviewer_has_everybodys(self, alice: FlaskClient, bob: FlaskClient):
        read(alice)
        assert len(bob.get(PREDICTIONS).get_json()["items"]) == 1

    def test_is_paged_by_key(self, alice: FlaskClient):
        mine = [read(alice, label)["id"] for label in range(5)]
        seen, cursor = [], ""
        while cursor is not None:
            page = alice.get(f"{PREDICTIONS}?limit=2{cursor}").get_json()
            seen.append([item["id"] for item in page["items"]])
            cursor = f"&after={page['next']}" if page["next"] else None
        assert seen == [mine[4:2:-1], mine[2:0:-1], mine[:1]]

    def test_goes_on_where_it_was_when_something_new_came(self, alice: FlaskClient):
        mine = [read(alice, label)["id"] for label in range(3)]
        cursor = alice.get(f"{PREDICTIONS}?limit=2").get_json()["next"]
        read(alice)
        page = alice.get(f"{PREDICTIONS}?limit=2&after={cursor}").get_json()
        assert ([item["id"] for item in page["items"]], page["next"]) == (mine[:1], None)

    @pytest.mark.parametrize(
        "limit", ["0", "101", "-1", "ten", "", "1.5", "²", "0000000001234", "9" * 5000]
    )
    def test_has_a_limit_from_1_to_100(self, quiet: FlaskClient, limit: str):
        response = quiet.get(PREDICTIONS, query_string={"limit": limit})
        assert "limit must be a number from 1 to 100" in error_of(response, 400, "bad-request")

    @pytest.mark.parametrize("after", ["", "7", "%00", "Z" * 26])
    def test_takes_only_its_own_cursor(self, quiet: FlaskClient, after: str):
        response = quiet.get(f"{PREDICTIONS}?after={after}")
        assert "after must be" in error_of(response, 400, "bad-request")
