"""The same site on PostgreSQL, where its server programs are installed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from benchmarks import postgresql
from tests.conftest import dispose
from tests.people import PREDICTIONS, correct, digit_of, read
from webapp import create_app, outcomes, retraining
from webapp.db import db
from webapp.models import Correction, Digit, Outcome, Promotion, Submission
from webapp.models.outcomes import Fate
from webapp.retraining import RetrainingError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an empty server of the tests' own."""
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL's server programs are not installed.")
    with postgresql.serve(tmp_path_factory.mktemp("postgresql")) as address:
        yield address


@pytest.fixture
def app(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Return an application on an empty schema of that server, prepared as at a start."""
    monkeypatch.setenv("INKLING_INSTANCE", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", server)
    application = create_app(
        {"TESTING": True, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}
    )
    with application.app_context():
        db.session.execute(db.text("DROP SCHEMA public CASCADE"))
        db.session.execute(db.text("CREATE SCHEMA public"))
        db.session.commit()
    result = application.test_cli_runner().invoke(args=["prepare"])
    assert result.exit_code == 0, result.output
    yield application
    dispose(application)


def test_a_drawing_is_read_corrected_listed_and_deleted(app: Flask) -> None:
    alice = app.test_client()
    answer = read(alice, 3)
    assert correct(alice, digit_of(answer), 3).status_code == 201

    (listed,) = alice.get(PREDICTIONS).get_json()["items"]
    assert listed["digits"][0]["correction"]["state"] == "pending"
    assert listed["digits"][0]["models"] == answer["digits"][0]["models"]

    assert alice.delete(f"{PREDICTIONS}/{answer['id']}").status_code == 204
    with app.app_context():
        assert db.session.query(Submission).count() == 0
        assert db.session.query(Digit).count() == 0


def test_an_accepted_correction_outlives_its_submission(app: Flask) -> None:
    alice, bob = app.test_client(), app.test_client()
    app.test_cli_runner().invoke(args=["reviewers", "add", "Bob", "--password", "bob's secret"])
    bob.post("/auth/sign-in", data={"name": "Bob", "password": "bob's secret"})
    answer = read(alice, 5)
    assert correct(bob, digit_of(answer), 5).get_json()["state"] == "accepted"

    assert alice.delete(f"{PREDICTIONS}/{answer['id']}").status_code == 204
    with app.app_context():
        (lesson,) = Correction.lessons()
        assert (lesson.label, lesson.digit.submission_id, lesson.digit.visitor_id) == (
            5,
            None,
            None,
        )


def test_retries_sent_at_the_same_moment_are_saved_once(app: Flask) -> None:
    def send(_: int) -> str:
        person = app.test_client()
        headers = {"Idempotency-Key": "one and the same"}
        body = {"strokes": [[[50, 30], [52, 220]]]}
        return str(person.post(PREDICTIONS, json=body, headers=headers).get_json()["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(send, range(16)))

    assert len(ids) == 1
    with app.app_context():
        assert db.session.query(Submission).count() == 1


def test_the_history_and_the_queue_find_what_they_find_in_sqlite(app: Flask) -> None:
    alice, bob = app.test_client(), app.test_client()
    app.test_cli_runner().invoke(args=["reviewers", "add", "Bob", "--password", "bob's secret"])
    bob.post("/auth/sign-in", data={"name": "Bob", "password": "bob's secret"})
    digits = [digit_of(read(alice, label)) for label in (3, 5)]
    correct(alice, digits[0], 8)

    for query in ("read=3", "sure_from=1&sure_to=100", "said=8&unsure=no&refused=no", "q=3"):
        assert digits[0] in bob.get(f"/predictions?{query}").text, query
    for query in (
        "conflict=yes",
        "read=5&disagree=yes",
        "correction=decided",
        "sort=surest&read=9",
    ):
        page = bob.get(f"/predictions?{query}")
        assert page.status_code == 200, query
        assert digits[0] not in page.text, query
    assert bob.get("/predictions/export.csv?sort=least-sure").text.count("\n") == 3
    assert digits[0] in bob.get("/review/cases").get_json()["cases"][0]
    bob.post(f"/review/{digits[0]}", data={"label": "8"})
    assert "data-digit" not in bob.get("/review?after=0.5~0").text
    done = bob.post("/predictions/bulk", data={"do": "3", "all": "yes"}).location.split("done=")[1]
    assert "Undone: 2 digits" in bob.post(f"/predictions/undo/{done}", follow_redirects=True).text
    assert bob.get("/audit").status_code == bob.get("/audit/people").status_code == 200


def test_there_is_nothing_to_roll_back_to_at_first(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["versions", "rollback"])
    assert "no earlier promotion" in result.output
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        assert (current.cnn_name, current.dnn_name) == ("cnn-1", "dnn-1")


def test_a_backup_is_left_to_the_tools_of_postgresql(app: Flask, tmp_path: Path) -> None:
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "copy")])
    assert result.exit_code == 1
    assert "pg_dump" in result.output
    assert not (tmp_path / "copy").exists()


def test_one_retraining_at_a_time_on_all_machines_that_share_the_database(
    app: Flask, tmp_path: Path
) -> None:
    with app.app_context(), retraining.only_one():
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        app.instance_path = str(elsewhere)
        with (
            pytest.raises(RetrainingError, match="is running already"),
            retraining.only_one(),
        ):
            pass
    with app.app_context(), retraining.only_one():
        pass


def test_what_visitors_are_told_of_their_corrections_is_counted(app: Flask) -> None:
    alice = app.test_client()
    digit = digit_of(read(alice, 3))
    correct(alice, digit, 8)
    with app.app_context():
        outcomes.ask()
        visitor_id = db.session.get_one(Digit, digit).visitor_id
        assert visitor_id
        assert Outcome.fate(visitor_id) == Fate(1, 0, 0, 0, 0)
