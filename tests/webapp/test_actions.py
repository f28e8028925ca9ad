"""What is done with many digits at once on `/predictions`, and undone."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.webapp.steps import UNKNOWN_ID, digit_id, draw, shown


class TestChoosing:
    def choose(self, person: FlaskClient, do: str, *ids: str, **more: str) -> TestResponse:
        return person.post("/predictions/bulk", data={"do": do, "digit": list(ids), **more})

    def test_many_get_one_label_and_one_step_undoes_it(
        self, alice: FlaskClient, bob: FlaskClient
    ) -> None:
        ids = [digit_id(draw(alice, label)) for label in (4, 5, 6)]
        answer = self.choose(bob, "9", *ids[:2])
        page = bob.get(answer.location).text

        assert "2 digits\n" in page
        assert shown(bob.get("/predictions?said=9&correction=accepted").text) == [ids[1], ids[0]]
        undo = re.search(r'action="(/predictions/undo/\w+)', page)
        assert undo
        assert "Undone: 2 digits" in bob.post(undo[1], follow_redirects=True).text
        assert shown(bob.get("/predictions?correction=yes").text) == []

    def test_all_that_the_filter_shows_are_meant_without_their_ids(
        self, alice: FlaskClient, bob: FlaskClient
    ) -> None:
        for label in (4, 4, 5):
            draw(alice, label)

        bob.post("/predictions/bulk?read=4", data={"do": "4", "all": "yes"})

        assert len(shown(bob.get("/predictions?correction=accepted").text)) == 2

    def test_what_waits_is_accepted_or_rejected(self, alice: FlaskClient, bob: FlaskClient) -> None:
        ids = [digit_id(draw(alice, label)) for label in (4, 5, 6)]
        self.choose(alice, "1", *ids[:2])
        assert len(shown(alice.get("/predictions?correction=waits").text)) == 2

        self.choose(bob, "accept", ids[0], ids[2])
        self.choose(bob, "reject", ids[1], ids[2])

        assert shown(alice.get("/predictions?correction=accepted").text) == [ids[0]]
        assert shown(alice.get("/predictions?correction=rejected").text) == [ids[1]]
        assert shown(alice.get("/predictions?correction=no").text) == [ids[2]]

    def test_a_visitor_labels_their_own_alone_and_decides_nothing(
        self, alice: FlaskClient, charlie: FlaskClient
    ) -> None:
        hers, his = digit_id(draw(alice)), digit_id(draw(charlie))

        self.choose(charlie, "1", hers, his)
        assert self.choose(charlie, "accept", his).status_code == 403

        assert shown(alice.get("/predictions?correction=yes").text) == []
        assert shown(charlie.get("/predictions?correction=waits").text) == [his]

    def test_nothing_chosen_says_how_to_choose(
        self, alice: FlaskClient, client: FlaskClient
    ) -> None:
        draw(alice)
        answer = self.choose(alice, "1")
        assert "Choose some digits first" in alice.get(answer.location).text
        assert self.choose(client, "1", UNKNOWN_ID).status_code == 303

    def test_a_button_that_is_none_is_refused(self, alice: FlaskClient) -> None:
        assert self.choose(alice, "12", digit_id(draw(alice))).status_code == 400

    def test_deleting_asks_first_and_takes_the_whole_drawing(
        self, alice: FlaskClient, bob: FlaskClient
    ) -> None:
        ids = [digit_id(draw(alice, label)) for label in (4, 5)]
        page = self.choose(alice, "delete", ids[0]).text
        assert "This cannot be undone" in page
        assert ids[0] in page

        answer = self.choose(alice, "delete", ids[0], sure="yes")
        assert "1 prediction is deleted." in alice.get(answer.location).text
        assert shown(alice.get("/predictions").text) == [ids[1]]
        self.choose(bob, "delete", sure="yes", all="yes")
        assert shown(alice.get("/predictions").text) == []

    def test_only_who_did_it_undoes_it(self, alice: FlaskClient, bob: FlaskClient) -> None:
        drawn = digit_id(draw(alice))
        done = self.choose(alice, "1", drawn).location.partition("done=")[2]

        assert bob.post(f"/predictions/undo/{done}").status_code == 404
        assert alice.post(f"/predictions/undo/{UNKNOWN_ID}").status_code == 404
        assert alice.post(f"/predictions/undo/{done}").status_code == 303
        assert (
            "0 digits are as before"
            in alice.post(f"/predictions/undo/{done}", follow_redirects=True).text
        )
        assert alice.get(f"/predictions/undo/{done}").status_code == 405

    def test_what_another_decided_since_stays_when_one_undoes(
        self, alice: FlaskClient, bob: FlaskClient
    ) -> None:
        drawn = digit_id(draw(alice))
        done = self.choose(alice, "1", drawn).location.partition("done=")[2]
        self.choose(bob, "accept", drawn)

        page = alice.post(f"/predictions/undo/{done}", follow_redirects=True).text

        assert "1 stay as others have decided since" in page
        assert shown(alice.get("/predictions?correction=accepted").text) == [drawn]
