"""The same site on PostgreSQL, where its server programs are installed."""

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import dispose
from tests.people import PREDICTIONS, correct, digit_of, read
from webapp import create_app
from webapp.db import db
from webapp.models import Correction, Digit, Promotion, Submission

pytestmark = pytest.mark.slow


def server_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an empty server of the tests' own."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed.")
    owner = "postgres" if getpass.getuser() == "root" else None
    folder = tmp_path_factory.mktemp("postgresql")
    if owner:
        shutil.chown(folder, owner)
        for parent in (folder.parent, folder.parent.parent):
            parent.chmod(parent.stat().st_mode | 0o011)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, user=owner, stdout=subprocess.DEVNULL, cwd=folder)

    run("initdb", "--auth=trust", "--username=inkling", "--no-sync")
    options = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
    yield f"postgres://inkling@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-m", "immediate", "stop")


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
