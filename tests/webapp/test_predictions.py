import io
import re

import pytest
from flask.testing import FlaskClient

from tests.pen import scribble, write
from tests.webapp.steps import (
    UNKNOWN_ID,
    accept_all,
    correct,
    digit_id,
    draw,
    png,
    post_strokes,
    shown,
)
from webapp import predictions
from webapp.db import db
from webapp.models import Digit


def test_a_newcomer_sees_an_empty_history_and_what_to_do(client: FlaskClient) -> None:
    page = client.get("/predictions").text

    assert "Nothing has been read yet" in page
    assert 'href="/upload"' in page


def test_a_newcomer_sees_nothing_of_others(alice: FlaskClient, client: FlaskClient) -> None:
    answer = draw(alice)

    assert answer["id"] not in client.get("/predictions").text


def test_the_history_shows_ones_own_newest_first(alice: FlaskClient, charlie: FlaskClient) -> None:
    mine = [digit_id(draw(alice, label)) for label in (1, 2, 3)]
    hers = digit_id(draw(charlie))

    page = alice.get("/predictions").text

    assert shown(page) == mine[::-1]
    assert hers not in page


def test_the_history_says_refused_and_shows_corrections(alice: FlaskClient) -> None:
    post_strokes(alice, scribble())
    correct(alice, draw(alice, 4), 9)

    page = alice.get("/predictions").text

    assert "refused" in page
    assert "waits for review" in page


def test_the_history_is_paged_by_key(alice: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "PAGE_SIZE", 2)
    ids = [digit_id(draw(alice, label)) for label in (1, 2, 3)]

    first = alice.get("/predictions").text
    older = re.search(r'rel="next"[^>]*href="([^"]+)"', first)
    assert older
    second = alice.get(older[1].replace("&amp;", "&")).text

    assert shown(first) == [ids[2], ids[1]]
    assert shown(second) == [ids[0]]
    assert 'rel="next"' not in second


def test_past_the_end_of_the_history_is_a_way_back(alice: FlaskClient) -> None:
    draw(alice)

    assert "Back to the first" in alice.get("/predictions?after=0").text


def test_a_reviewer_sees_everybodys_and_can_see_only_their_own(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    hers, his = draw(alice)["id"], draw(bob)["id"]

    everybodys = bob.get("/predictions").text
    only_his = bob.get("/predictions?mine=1").text

    assert hers in everybodys
    assert his in everybodys
    assert hers not in only_his
    assert his in only_his


def test_a_prediction_shows_all_that_is_known_of_it(alice: FlaskClient) -> None:
    answer = draw(alice, 6)
    correct(alice, answer, "not-a-digit")

    page = alice.get(f"/predictions/{answer['id']}").text

    assert "Read as 6" in page
    assert "<polyline" in page
    assert "cnn-1" in page
    assert "drawn, 280 × 280" in page
    assert "said\n  by the visitor" in page


def test_the_original_of_a_drawing_is_its_strokes(alice: FlaskClient) -> None:
    answer = draw(alice, 6)

    response = alice.get(f"/predictions/{answer['id']}/original")

    assert response.get_json() == write(6)
    assert response.cache_control.private


def test_the_original_of_an_upload_is_a_picture(alice: FlaskClient) -> None:
    location = alice.post("/upload", data={"image": _file(png(write(6)))}).location

    assert "<image" in alice.get(location).text
    assert alice.get(f"{location}/original").mimetype.startswith("image/")


def test_an_original_that_was_not_kept_is_not_missed(alice: FlaskClient) -> None:
    alice.application.config["INKLING_KEEP_ORIGINALS"] = False
    location = alice.post("/upload", data={"image": _file(png(write(6)))}).location

    assert "is not kept on this site" in alice.get(location).text
    assert alice.get(f"{location}/original").status_code == 404


@pytest.mark.parametrize("path", ["", "/original", "/delete"])
def test_strangers_and_unknown_ids_get_404(
    alice: FlaskClient, charlie: FlaskClient, client: FlaskClient, path: str
) -> None:
    answer = draw(alice)
    draw(charlie)

    assert charlie.get(f"/predictions/{answer['id']}{path}").status_code == 404
    assert client.get(f"/predictions/{answer['id']}{path}").status_code == 404
    assert alice.get(f"/predictions/{UNKNOWN_ID}{path}").status_code == 404


def test_a_prediction_is_deleted_after_one_was_told_what_stays(alice: FlaskClient) -> None:
    answer = draw(alice)
    address = f"/predictions/{answer['id']}"

    assert "What stays" in alice.get(f"{address}/delete").text
    assert alice.post(f"{address}/delete").location == "/predictions"
    assert "It is deleted." in alice.get("/predictions").text
    assert alice.get(address).status_code == 404
    assert alice.get(f"/digits/{digit_id(answer)}/picture.png").status_code == 404


def test_nobody_deletes_another_ones_prediction(
    alice: FlaskClient, charlie: FlaskClient, client: FlaskClient
) -> None:
    answer = draw(alice)
    address = f"/predictions/{answer['id']}"
    draw(charlie)

    assert charlie.post(f"{address}/delete").status_code == 404
    assert client.post(f"{address}/delete").status_code == 404
    assert alice.post(f"/predictions/{UNKNOWN_ID}/delete").status_code == 404
    assert alice.get(address).status_code == 200


def test_deleting_everything_deletes_ones_own_alone(
    alice: FlaskClient, charlie: FlaskClient
) -> None:
    draw(alice, 1)
    draw(alice, 2)
    his = draw(charlie)["id"]

    assert "What stays" in alice.get("/predictions/delete-all").text
    assert alice.post("/predictions/delete-all").status_code == 303
    assert "2 predictions are deleted." in alice.get("/predictions").text
    assert charlie.get(f"/predictions/{his}").status_code == 200


def test_a_newcomer_may_delete_everything_of_which_there_is_nothing(client: FlaskClient) -> None:
    assert client.post("/predictions/delete-all").status_code == 303
    assert "0 predictions are deleted." in client.get("/predictions").text


def test_an_accepted_digit_stays_for_reviewers_when_its_prediction_is_deleted(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    answer = draw(alice)
    correct(alice, answer, 1)
    accept_all(bob)
    alice.post("/predictions/delete-all")
    picture = f"/digits/{digit_id(answer)}/picture.png"

    assert alice.get(picture).status_code == 404
    assert bob.get(picture).status_code == 200


@pytest.mark.parametrize(
    "method, path",
    [("POST", ""), ("POST", "/x"), ("PUT", "/x/delete"), ("POST", "/x/original")],
)
def test_other_methods_are_not_taken(alice: FlaskClient, method: str, path: str) -> None:
    assert alice.open(f"/predictions{path}", method=method).status_code == 405


def _file(data: bytes) -> tuple[object, str]:
    return io.BytesIO(data), "picture.png"


class TestTheFilter:
    def test_its_conditions_combine_and_stand_in_the_address(self, alice: FlaskClient) -> None:
        one, other, _ = (digit_id(draw(alice, label)) for label in (4, 4, 7))
        alice.post(f"/digits/{one}/corrections", data={"label": 9})

        assert shown(alice.get("/predictions?read=4").text) == [other, one]
        assert shown(alice.get("/predictions?read=4&correction=waits").text) == [one]
        assert shown(alice.get("/predictions?read=4&said=9&source=canvas").text) == [one]
        assert shown(alice.get("/predictions?read=7&said=9").text) == []

    @pytest.mark.parametrize(
        "condition, is_shown",
        [
            ("sure_from=0&sure_to=100", True),
            ("sure_to=3", False),
            ("unsure=no", True),
            ("disagree=yes", False),
            ("refused=no", True),
            ("refused=yes", False),
            ("conflict=yes", False),
            ("correction=no", True),
            ("correction=yes", False),
            ("version=cnn-1", True),
            ("version=dnn-2", False),
            ("source=upload", False),
            ("since=2020-01-01", True),
            ("until=2020-01-01", False),
            ("q=6", True),
            ("q=66", False),
            ("q=&read=", True),
            ("sort=surest", True),
            ("sort=least-sure&read=6", True),
            ("view=table", True),
        ],
    )
    def test_each_condition_is_asked_of_the_digits(
        self, alice: FlaskClient, condition: str, is_shown: bool
    ) -> None:
        drawn = digit_id(draw(alice, 6))

        assert shown(alice.get(f"/predictions?{condition}").text) == [drawn] * is_shown

    def test_a_digit_is_found_by_its_id_and_by_that_of_its_prediction(
        self, alice: FlaskClient
    ) -> None:
        answer = draw(alice)
        draw(alice)

        for wanted in (answer["id"], digit_id(answer)):
            assert shown(alice.get(f"/predictions?q={wanted}").text) == [digit_id(answer)]

    @pytest.mark.parametrize(
        "condition",
        ["read=10", "unsure=perhaps", "sort=x", "version=rnn-1", "since=1-1", "visitor=me"],
    )
    def test_a_condition_that_cannot_be_is_refused(
        self, alice: FlaskClient, condition: str
    ) -> None:
        assert alice.get(f"/predictions?{condition}").status_code == 400

    @pytest.mark.parametrize("sort", ["newest", "oldest", "surest", "least-sure"])
    def test_every_order_is_paged_without_gap_or_repetition(
        self, alice: FlaskClient, monkeypatch: pytest.MonkeyPatch, sort: str
    ) -> None:
        monkeypatch.setattr(predictions, "PAGE_SIZE", 2)
        drawn = {digit_id(draw(alice, label)) for label in range(5)}

        seen, address = [], f"/predictions?sort={sort}&sure_from=1"
        while address:
            page = alice.get(address).text
            seen += shown(page)
            older = re.search(r'rel="next"[^>]*href="([^"]+)"', page)
            address = older[1].replace("&amp;", "&") if older else ""

        assert len(seen) == 5
        assert set(seen) == drawn

    def test_a_visitor_cannot_ask_for_another_ones(
        self, alice: FlaskClient, charlie: FlaskClient, bob: FlaskClient
    ) -> None:
        hers = digit_id(draw(alice))
        draw(charlie)
        with alice.application.app_context():
            digit = db.session.get(Digit, hers)
            assert digit
            visitor = digit.visitor_id

        assert hers not in charlie.get(f"/predictions?visitor={visitor}").text
        assert shown(bob.get(f"/predictions?visitor={visitor}").text) == [hers]
