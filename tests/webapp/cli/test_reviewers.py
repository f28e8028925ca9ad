"""`flask reviewers`: who may review."""

from click.testing import Result
from flask import Flask

from webapp.db import db
from webapp.models import Reviewer


def run(app: Flask, *arguments: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["reviewers", *arguments], input=typed)


def names(app: Flask) -> list[str]:
    with app.app_context():
        return [one.name for one in db.session.query(Reviewer)]


def test_a_reviewer_is_added(app: Flask):
    result = run(app, "add", "Dora", "--password", "dora's own words")
    assert "Dora can sign in now at /auth/sign-in." in result.output
    assert names(app) == ["Dora"]


def test_a_password_is_asked_for_twice_and_not_shown(app: Flask):
    result = run(app, "add", "Dora", typed="dora's own words\ndora's own words\n")
    assert result.exit_code == 0
    assert "own words" not in result.output
    assert names(app) == ["Dora"]


def test_a_short_password_is_refused(app: Flask):
    result = run(app, "add", "Dora", "--password", "short")
    assert (result.exit_code, names(app)) == (1, [])
    assert "A password has at least 8 characters." in result.output


def test_a_name_is_taken_once(app: Flask):
    run(app, "add", "Dora", "--password", "dora's own words")
    result = run(app, "add", "Dora", "--password", "other words")
    assert (result.exit_code, names(app)) == (1, ["Dora"])


def test_a_link_for_nobody_known_is_refused(app: Flask):
    result = run(app, "link", "Dora")
    assert result.exit_code == 1
    assert "There is no reviewer called Dora. flask reviewers add Dora" in result.output


def test_links_of_two_reviewers_do_not_end_each_other(app: Flask):
    for name in ("Dora", "Emil"):
        run(app, "add", name, "--password", "words enough")
    links = [run(app, "link", *who).output.strip() for who in (["Dora"], ["Emil"], [])]
    person = app.test_client()
    for link in links:
        assert person.get("/auth/" + link.rpartition("/auth/")[2]).status_code == 200
