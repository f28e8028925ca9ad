"""What the history shows, as files to take away."""

import csv
import io
import json
import zipfile

from flask.testing import FlaskClient

from tests.webapp.steps import (
    correct,
    digit_id,
    draw,
)


class TestTheExport:
    def test_is_a_table_of_exactly_what_the_filter_shows(
        self, alice: FlaskClient, charlie: FlaskClient
    ) -> None:
        four, _ = (digit_id(draw(alice, label)) for label in (4, 5))
        draw(charlie, 4)

        response = alice.get("/predictions/export.csv?read=4")
        rows = list(csv.DictReader(io.StringIO(response.text)))

        assert [row["digit"] for row in rows] == [four]
        assert (rows[0]["read_as"], rows[0]["correction"]) == ("4", "none")
        assert "visitor" not in rows[0]
        assert response.headers["Content-Disposition"].startswith("attachment")

    def test_as_json_lines_says_whose_for_reviewers(
        self, alice: FlaskClient, bob: FlaskClient
    ) -> None:
        drawn = draw(alice, 4)

        (line,) = bob.get("/predictions/export.jsonl").text.splitlines()

        row = json.loads(line)
        assert row["prediction"] == drawn["id"]
        assert row["box"] == drawn["digits"][0]["box"]
        assert len(row["visitor"]) == 26

    def test_as_pictures_has_a_folder_for_each_label_that_stands(self, alice: FlaskClient) -> None:
        one, other = (draw(alice, label) for label in (4, 5))
        correct(alice, one, "not-a-digit")

        with zipfile.ZipFile(io.BytesIO(alice.get("/predictions/export.zip").data)) as archive:
            assert archive.testzip() is None
            assert set(archive.namelist()) == {
                f"not-a-digit/{digit_id(one)}.png",
                f"5/{digit_id(other)}.png",
            }

    def test_of_nothing_is_empty_and_of_another_form_not_there(self, client: FlaskClient) -> None:
        assert client.get("/predictions/export.csv").text.count("\n") == 1
        assert client.get("/predictions/export.jsonl").text == ""
        assert client.get("/predictions/export.pdf").status_code == 404
        assert client.post("/predictions/export.csv").status_code == 405
