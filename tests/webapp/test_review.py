import pytest
from flask.testing import FlaskClient

from tests.webapp.steps import FRAGMENT, UNKNOWN_ID, correct, draw, waiting


def test_visitors_are_asked_to_sign_in(alice: FlaskClient) -> None:
    for response in (alice.get("/review"), alice.post(f"/review/{UNKNOWN_ID}/accept")):
        assert response.status_code == 303
        assert response.location.startswith("/auth/sign-in")


def test_an_empty_queue_says_what_comes_there(bob: FlaskClient) -> None:
    assert "Nothing waits for you" in bob.get("/review").text


def test_the_oldest_correction_comes_first_with_both_sides(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    correct(alice, draw(alice, 7), 1)
    correct(alice, draw(alice, 4), 9)

    page = bob.get("/review").text

    assert "2 wait for a decision" in page
    assert "Read as 7, the person says 1." in page


@pytest.mark.parametrize("decision, state", [("accept", "accepted"), ("reject", "rejected")])
def test_a_decision_is_kept_and_leads_on(
    alice: FlaskClient, bob: FlaskClient, decision: str, state: str
) -> None:
    answer = draw(alice, 7)
    correct(alice, answer, 1)

    response = bob.post(f"/review/{waiting(bob)}/{decision}")

    assert (response.status_code, response.location) == (303, "/review")
    assert "Nothing waits for you" in bob.get("/review").text
    page = alice.get(f"/predictions/{answer['id']}").text
    assert f"{state}\n  by Bob" in page


def test_a_skipped_correction_stays_skipped_until_one_starts_again(
    alice: FlaskClient, bob: FlaskClient
) -> None:
    correct(alice, draw(alice, 7), 1)
    correct(alice, draw(alice, 4), 9)
    skipped = waiting(bob)

    second = bob.get(f"/review?after={skipped}").text
    assert "Read as 4, the person says 9." in second
    bob_decides = bob.post(f"/review/{_only_case(second)}/accept", data={"after": skipped})

    assert bob_decides.location == f"/review?after={skipped}"
    assert "The end of the queue" in bob.get(bob_decides.location).text


def test_scripts_get_the_next_case_as_a_fragment(alice: FlaskClient, bob: FlaskClient) -> None:
    correct(alice, draw(alice, 7), 1)
    correct(alice, draw(alice, 4), 9)

    response = bob.post(f"/review/{waiting(bob)}/accept", headers=FRAGMENT, follow_redirects=True)

    assert "<html" not in response.text
    assert "Read as 4, the person says 9." in response.text


def test_what_is_decided_already_stays_so(alice: FlaskClient, bob: FlaskClient) -> None:
    correct(alice, draw(alice, 7), 1)
    case = waiting(bob)
    bob.post(f"/review/{case}/accept")

    response = bob.post(f"/review/{case}/reject", headers=FRAGMENT, follow_redirects=True)

    assert "accepted already" in response.text


def test_an_unknown_correction_is_404(bob: FlaskClient) -> None:
    assert bob.post(f"/review/{UNKNOWN_ID}/accept").status_code == 404


def test_an_unknown_decision_is_404(bob: FlaskClient) -> None:
    assert bob.post(f"/review/{UNKNOWN_ID}/ponder").status_code == 404


def test_other_methods_are_not_taken(bob: FlaskClient) -> None:
    assert bob.post("/review").status_code == 405
    assert bob.get(f"/review/{UNKNOWN_ID}/accept").status_code == 405


def _only_case(page: str) -> str:
    return page.split('action="/review/')[1].partition("/")[0]
