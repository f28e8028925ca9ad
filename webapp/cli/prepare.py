"""`flask prepare` and `flask backup`: what a site needs before it starts, and its safety copy."""

import os
import re
import socket
from pathlib import Path

import click
from flask.cli import with_appcontext

from ml.bundle import BundleError
from webapp import reports
from webapp.cli.reviewers import EVERYWHERE, print_link
from webapp.db import begin_write, db
from webapp.models import Reviewer
from webapp.serving import import_pretrained, replace_outdated

DOCUMENTATION_ADDRESS = ("192.0.2.1", 9)
"""TEST-NET-1 of RFC 5737: asking for a route to it tells our own address and sends nothing."""


@click.command()
@with_appcontext
def prepare() -> None:
    """Bring the database up to date and see that two models are live.

    Safe to call at every start; `make run` does.
    """
    from webapp import database

    _check_concurrency()
    try:
        backup = database.bring_up_to_date()
        begin_write()
        imported = import_pretrained()
        replaced = replace_outdated()
        db.session.commit()
        reports.write_missing()
    except (database.DatabaseError, BundleError) as error:
        raise click.ClickException(str(error)) from error
    if backup:
        click.echo(f"The database was upgraded. A backup from before: {backup}")
    if imported:
        click.echo(f"Live: {imported.cnn.name} and {imported.dnn.name}, as shipped.")
    if replaced:
        click.echo(f"{replaced.reason} Live: {replaced.cnn.name} and {replaced.dnn.name}.")
        click.echo("What was corrected is taught anew by: .venv/bin/flask retrain")
    _print_addresses()
    if Reviewer.none_yet():
        click.echo("There is no reviewer yet. Choose a name and a password here, within a day:")
        print_link(None)


def _check_concurrency() -> None:
    """Say in a sentence what gunicorn, which reads it at its start, would say in a traceback."""
    value = os.environ.get("WEB_CONCURRENCY", "2")
    if not re.fullmatch(r"[1-9][0-9]{0,2}", value):
        raise click.ClickException(
            f"WEB_CONCURRENCY is {value!r}; it must be a number of processes, such as 2."
        )


def _print_addresses() -> None:
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    if host not in EVERYWHERE:
        click.echo(f"Inkling: http://{host}:{port}")
        return
    click.echo(f"Inkling here:      http://127.0.0.1:{port}")
    click.echo(f"Inkling on phones: http://{_own_address()}:{port}")


def _own_address() -> str:
    """Return the address by which others on the network reach this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(DOCUMENTATION_ADDRESS)
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Write the whole database into FILE while the site goes on."""
    from webapp import database

    try:
        database.back_up(file.absolute())
    except database.DatabaseError as error:
        raise click.ClickException(str(error)) from error
    size = file.stat().st_size / 1e6
    click.echo(
        f"{file}: {size:.1f} MB. To restore, stop the site and put it in the database's place."
    )


COMMANDS = (prepare, backup)
