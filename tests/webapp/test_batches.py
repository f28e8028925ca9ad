"""Many pictures handed in together."""

import csv
import io
import json
import re
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw
from werkzeug.test import TestResponse

from tests.pen import write, write_number
from tests.webapp.steps import FRAGMENT, JSON, UNKNOWN_ID, png
from tests.webapp.test_archives import packed
from webapp import aside, batches, recognition
from webapp.db import db
from webapp.models import Batch, BatchContent, BatchFile, Submission

FIVE, SIX = png(write(5)), png(write(6))
TEXT = b"Dear diary"


def upload(person: FlaskClient, *files: tuple[str, bytes]) -> TestResponse:
    """Send several files with the form of `/upload`."""
    images = [(io.BytesIO(data), name) for name, data in files]
    return person.post("/upload", data={"image": images})


def batch_of(person: FlaskClient, *files: tuple[str, bytes]) -> str:
    """Send several files and return the address of their batch."""
    response = upload(person, *files)
    assert response.status_code == 303, response.text
    assert response.location.startswith("/batches/")
    return response.location


def rows(person: FlaskClient, address: str) -> dict[str, dict[str, Any]]:
    """Return what is known of each file of a batch."""
    return {one["file"]: one for one in person.get(f"{address}/readings.json").get_json()["files"]}


def begin(person: FlaskClient) -> str:
    """Begin a batch as the script does, and return its address."""
    found = re.search(
        r'data-files="(/batches/\w+)/files"', person.post("/batches", headers=FRAGMENT).text
    )
    assert found
    return found[1]


def add(person: FlaskClient, address: str, name: str, data: bytes) -> TestResponse:
    """Send one file into a batch as the script does."""
    return person.post(
        f"{address}/files", data={"image": (io.BytesIO(data), name)}, headers=FRAGMENT
    )


def test_several_files_make_a_batch_that_lists_what_was_read(alice: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))

    page = alice.get(address).text
    assert page.index("five.png") < page.index("six.png")
    assert {name: row["reading"] for name, row in rows(alice, address).items()} == {
        "five.png": "5",
        "six.png": "6",
    }
    submission = rows(alice, address)["five.png"]["id"]
    shown = alice.get(f"/predictions/{submission}").text
    assert "in a batch, 280 × 280" in shown
    assert f'href="{address}"' in shown


def test_one_bad_file_does_not_stop_the_others(alice: FlaskClient) -> None:
    address = batch_of(
        alice, ("diary.png", TEXT), ("empty.png", b""), ("blank.png", png([])), ("five.png", FIVE)
    )

    found = rows(alice, address)
    assert "not a picture that can be read" in str(found["diary.png"]["problem"])
    assert found["empty.png"]["problem"] == "It is empty."
    assert "No ink was found" in str(found["blank.png"]["problem"])
    assert found["five.png"]["reading"] == "5"
    assert "3 could not be read" in alice.get(address).text


def test_a_failure_of_ours_with_one_file_does_not_stop_the_others(
    alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = recognition.read_picture

    def fragile(data: bytes) -> recognition.Reading:
        if data == SIX:
            raise ZeroDivisionError
        return real(data)

    monkeypatch.setattr(recognition, "read_picture", fragile)
    found = rows(alice, batch_of(alice, ("six.png", SIX), ("five.png", FIVE)))

    assert found["six.png"]["problem"] == aside.BROKEN
    assert found["five.png"]["reading"] == "5"


def test_an_archive_is_unpacked_and_each_picture_in_it_read(alice: FlaskClient) -> None:
    archive = packed([("a/five.png", FIVE), ("../six.png", SIX), ("notes.txt", TEXT)])
    found = rows(alice, batch_of(alice, ("all.zip", archive.read())))

    assert found["a/five.png"]["reading"] == "5"
    assert found["../six.png"]["reading"] == "6"
    assert found["notes.txt"]["problem"]


def test_an_archive_beyond_the_limits_is_one_line_with_the_reason(
    app: Flask, alice: FlaskClient
) -> None:
    app.config["INKLING_MAX_BATCH_FILES"] = 3
    archive = packed([(f"{at}.png", FIVE) for at in range(4)])
    found = rows(alice, batch_of(alice, ("all.zip", archive.read()), ("five.png", FIVE)))

    assert "holds 4 files; at most 3" in str(found["all.zip"]["problem"])
    assert found["five.png"]["reading"] == "5"


def test_a_file_that_is_too_large_is_told_and_the_others_are_read(
    app: Flask, alice: FlaskClient
) -> None:
    app.config["INKLING_MAX_UPLOAD_BYTES"] = len(FIVE)
    found = rows(alice, batch_of(alice, ("large.png", FIVE + b"x"), ("five.png", FIVE)))

    assert "the most that are taken" in str(found["large.png"]["problem"])
    assert found["five.png"]["reading"] == "5"


def test_more_files_than_a_batch_has_room_for_are_refused(app: Flask, alice: FlaskClient) -> None:
    app.config["INKLING_MAX_BATCH_FILES"] = 1
    response = upload(alice, ("five.png", FIVE), ("six.png", SIX))

    assert response.status_code == 413
    assert "at most 1 files" in response.text


def test_scripts_send_file_by_file(alice: FlaskClient) -> None:
    address = begin(alice)
    assert 'data-state="read"' in add(alice, address, "five.png", FIVE).text
    assert 'data-state="problem"' in add(alice, address, "diary.png", TEXT).text

    assert list(rows(alice, address)) == ["five.png", "diary.png"]


def test_what_is_in_an_archive_waits_for_the_script_and_is_read_on(
    app: Flask, alice: FlaskClient
) -> None:
    address = begin(alice)
    archive = packed([("five.png", FIVE), ("six.png", SIX)]).read()
    assert 'data-waiting="2"' in add(alice, address, "all.zip", archive).text
    assert "2 files wait" in alice.get(address).text

    assert 'data-waiting="1"' in alice.post(f"{address}/read", headers=FRAGMENT).text
    assert alice.post(f"{address}/read").location == address

    assert [row["reading"] for row in rows(alice, address).values()] == ["5", "6"]
    with app.app_context():
        assert db.session.query(BatchContent).count() == 0


def test_a_form_reads_as_much_as_a_while_allows_and_the_rest_waits(
    alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAGE_SECONDS", 0.0)
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))

    page = alice.get(address).text
    assert "2 files wait" in page
    assert "Read on" in page


def test_reading_on_when_nothing_waits_changes_nothing(alice: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))

    assert 'data-waiting="0"' in alice.post(f"{address}/read", headers=FRAGMENT).text
    assert len(rows(alice, address)) == 2


def test_a_batch_waits_while_all_places_are_taken(app: Flask, alice: FlaskClient) -> None:
    address = begin(alice)
    with app.extensions["aside"].places:
        assert 'data-waiting="1"' in add(alice, address, "five.png", FIVE).text
        busy = alice.post(f"{address}/read", headers=FRAGMENT)
        assert busy.status_code == 503
        assert "Nothing is lost" in busy.get_json()["error"]["message"]

    assert 'data-waiting="0"' in alice.post(f"{address}/read", headers=FRAGMENT).text


def test_a_drawing_is_answered_while_a_batch_is_read(app: Flask, alice: FlaskClient) -> None:
    with app.extensions["aside"].places:
        drawn = threading.Thread(target=alice.post, args=("/",), kwargs={"json": {"strokes": []}})
        drawn.start()
        drawn.join(timeout=10)
        assert not drawn.is_alive()


def test_the_readings_are_safe_in_a_spreadsheet(alice: FlaskClient) -> None:
    address = batch_of(alice, ("=1+1.png", FIVE), ("diary.png", TEXT))
    response = alice.get(f"{address}/readings.csv")

    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    head, five, diary = csv.reader(io.StringIO(response.text, newline=""))
    assert tuple(head) == batches.COLUMNS
    assert (five[0], five[1], five[3]) == ("'=1+1.png", "5", "no")
    assert (diary[1], diary[3]) == ("", "yes")


def test_the_readings_follow_corrections(alice: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("diary.png", TEXT))
    submission = rows(alice, address)["five.png"]["id"]
    digit = alice.get(f"/api/v1/predictions/{submission}").get_json()["digits"][0]["id"]
    alice.post(f"/digits/{digit}/corrections", data={"label": 3})

    assert rows(alice, address)["five.png"]["reading"] == "3"


def test_the_list_has_ones_own_batches(alice: FlaskClient, charlie: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))

    assert f'href="{address}"' in alice.get("/batches").text
    assert "No batch yet" in charlie.get("/batches").text


def test_deleting_a_batch_deletes_what_was_read_in_it(app: Flask, alice: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("diary.png", TEXT))
    assert "Its 2 files go" in alice.get(f"{address}/delete").text

    assert alice.post(f"{address}/delete").location == "/batches"
    assert alice.get(address).status_code == 404
    with app.app_context():
        for record in (Batch, BatchFile, Submission):
            assert db.session.query(record).count() == 0


def test_a_prediction_of_a_batch_can_be_deleted_alone(alice: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))
    alice.post(f"/predictions/{rows(alice, address)['five.png']['id']}/delete")

    assert list(rows(alice, address)) == ["six.png"]


def test_deleting_everything_deletes_batches_too(app: Flask, alice: FlaskClient) -> None:
    batch_of(alice, ("diary.png", TEXT), ("six.png", SIX))
    alice.post("/predictions/delete-all")

    with app.app_context():
        assert db.session.query(BatchFile).count() == db.session.query(Batch).count() == 0


PATHS = [
    ("GET", ""),
    ("POST", "/files"),
    ("POST", "/read"),
    ("GET", "/readings.csv"),
    ("GET", "/readings.json"),
    ("GET", "/delete"),
    ("POST", "/delete"),
]


@pytest.mark.parametrize("method, path", PATHS)
def test_strangers_and_unknown_ids_get_404(
    alice: FlaskClient, charlie: FlaskClient, client: FlaskClient, method: str, path: str
) -> None:
    address = begin(alice)
    begin(charlie)

    assert charlie.open(f"{address}{path}", method=method).status_code == 404
    assert client.open(f"{address}{path}", method=method).status_code == 404
    assert alice.open(f"/batches/{UNKNOWN_ID}{path}", method=method).status_code == 404
    assert alice.open(f"/batches/x{path}", method=method).status_code == 404


def test_a_reviewer_sees_what_is_in_a_batch(alice: FlaskClient, bob: FlaskClient) -> None:
    address = batch_of(alice, ("five.png", FIVE), ("six.png", SIX))

    assert "five.png" in bob.get(address).text


def test_no_file_is_asked_for_again(alice: FlaskClient) -> None:
    response = alice.post(f"{begin(alice)}/files", headers=JSON)

    assert response.status_code == 400
    assert "Choose pictures" in json.loads(response.text)["error"]["message"]


@pytest.mark.parametrize(
    "method, path", [("PUT", ""), ("GET", "/x/files"), ("GET", "/x/read"), ("POST", "/x")]
)
def test_other_methods_are_not_taken(alice: FlaskClient, method: str, path: str) -> None:
    assert alice.open(f"/batches{path}", method=method).status_code == 405


def test_another_ending_of_the_readings_is_not_there(alice: FlaskClient) -> None:
    assert alice.get(f"{begin(alice)}/readings.xml").status_code == 404


class TestForms:
    DEFINITION = json.dumps(
        {
            "fields": [
                {"name": "year", "box": [0.1, 0.1, 0.8, 0.25], "digits": 4},
                {"name": "points", "box": [0.1, 0.6, 0.8, 0.25]},
            ]
        }
    ).encode()

    @pytest.fixture
    def page(self) -> bytes:
        """Return a scanned page with 1974 in one field and 36 in the other."""
        image = Image.new("L", (800, 1000), 245)
        pen = ImageDraw.Draw(image)
        for labels, top in (([1, 9, 7, 4], 100), ([3, 6], 600)):
            for stroke in write_number(labels, height=130, gap=40):
                points = [(80 + x, top + y) for x, y in stroke]
                pen.line(points, fill=30, width=9, joint="curve")
        image.save(file := io.BytesIO(), "PNG")
        return file.getvalue()

    def hand_in(self, person: FlaskClient, page: bytes, definition: bytes) -> TestResponse:
        data = {
            "image": (io.BytesIO(page), "a.png"),
            "form": (io.BytesIO(definition), "form.json"),
        }
        return person.post("/upload", data=data)

    def test_each_field_of_a_page_is_read(self, alice: FlaskClient, page: bytes) -> None:
        address = self.hand_in(alice, page, self.DEFINITION).location

        fields = rows(alice, address)["a.png"]["fields"]
        assert [(field["name"], field["reading"]) for field in fields] == [
            ("year", "1974"),
            ("points", "36"),
        ]
        shown = alice.get(address).text
        assert "year" in shown
        assert "1974" in shown

    def test_the_csv_has_a_line_for_each_field(self, alice: FlaskClient, page: bytes) -> None:
        address = self.hand_in(alice, page, self.DEFINITION).location
        text = alice.get(f"{address}/readings.csv").text

        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [(row["file"], row["field"], row["reading"]) for row in found] == [
            ("a.png", "year", "1974"),
            ("a.png", "points", "36"),
        ]

    def test_a_correction_is_in_the_field(self, alice: FlaskClient, page: bytes) -> None:
        address = self.hand_in(alice, page, self.DEFINITION).location
        submission = rows(alice, address)["a.png"]["id"]
        answer = alice.get(f"/api/v1/predictions/{submission}").get_json()
        assert answer["reading"] == "1974\n36"
        alice.post(f"/digits/{answer['digits'][-1]['id']}/corrections", data={"label": 8})

        assert rows(alice, address)["a.png"]["fields"][1]["reading"] == "38"

    def test_scripts_send_the_form_first(self, alice: FlaskClient, page: bytes) -> None:
        form = {"form": (io.BytesIO(self.DEFINITION), "form.json")}
        begun = alice.post("/batches", data=form, headers=FRAGMENT).text
        found = re.search(r'data-files="(/batches/\w+)/files"', begun)
        assert found

        assert "1974" in add(alice, found[1], "a.png", page).text

    @pytest.mark.parametrize("definition", [b"{", b"{}", b'{"fields": [{"name": 7}]}', b"\xff"])
    def test_a_form_that_cannot_be_used_is_told_before_anything_is_read(
        self, alice: FlaskClient, page: bytes, definition: bytes
    ) -> None:
        response = self.hand_in(alice, page, definition)

        assert response.status_code == 400
        assert "No batch yet" in alice.get("/batches").text

    def test_a_form_without_end_is_too_large(
        self, alice: FlaskClient, page: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batches, "MAX_FORM_BYTES", 100)

        assert self.hand_in(alice, page, b" " * 101).status_code == 413
