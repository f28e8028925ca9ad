"""`flask reviewers`: who may review."""

import os

import click
from flask.cli import AppGroup
from sqlalchemy import delete

from webapp.db import begin_write, db
from webapp.models import Reviewer, SignInLink

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to

reviewers = AppGroup("reviewers", help="Add people who review, or give them a link to sign in.")


@reviewers.command("add")
@click.argument("name")
@click.password_option(help="Asked for where it is not given.")
def add(name: str, password: str) -> None:
    """Make the reviewer NAME with a password."""
    begin_write()
    try:
        reviewer = Reviewer.add(name, password)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    db.session.commit()
    click.echo(f"{reviewer.name} can sign in now at /auth/sign-in.")


@reviewers.command("link")
@click.argument("name", required=False)
def link(name: str | None) -> None:
    """Print a link, good once and for a day.

    With the NAME of a reviewer it sets a new password, without one it makes a new reviewer.
    """
    reviewer = Reviewer.named(name) if name else None
    if name and reviewer is None:
        raise click.ClickException(
            f"There is no reviewer called {name}. flask reviewers add {name}"
        )
    print_link(reviewer)


def print_link(reviewer: Reviewer | None) -> None:
    """Make a one-time link and print it; unused older ones of the same kind end."""
    reviewer_id = reviewer.id if reviewer else None
    begin_write()
    older = (
        SignInLink.reviewer_id.is_(None)
        if reviewer_id is None
        else (SignInLink.reviewer_id == reviewer_id)
    )
    db.session.execute(delete(SignInLink).where(older, SignInLink.used_at.is_(None)))
    token = SignInLink.create(reviewer)
    db.session.commit()
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    if host in EVERYWHERE:
        host = "127.0.0.1"
    click.echo(f"  http://{host}:{port}/auth/link/{token}")
