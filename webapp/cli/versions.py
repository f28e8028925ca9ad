"""`flask versions`: list, show, promote, roll back, export."""

import getpass
import json
from pathlib import Path

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from ml import bundle
from ml.bundle import BundleError
from webapp.db import begin_write, db
from webapp.models import ModelVersion, Promotion

versions = AppGroup("versions", help="The model versions, and which of them are live.")


@versions.command("list")
def list_versions() -> None:
    """List all versions, newest first."""
    current = Promotion.current()
    live = {one.name for one in current.versions.values()} if current else set()
    table = Table("version", "live", "architecture", "origin", "MNIST test", "made")
    for version in ModelVersion.newest_first():
        accuracy = version.card.figures.get("mnist_test", {}).get("accuracy")
        table.add_row(
            version.name,
            "live" if version.name in live else "",
            version.card.architecture,
            version.origin,
            f"{accuracy:.2%}" if accuracy is not None else "",
            f"{version.created_at:%Y-%m-%d %H:%M}",
        )
    Console().print(table)


@versions.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the card of the version NAME, and what the gate said of it."""
    version = named(name)
    click.echo(json.dumps({**version.card_json, "report": version.report_json}, indent=2))


@versions.command("promote")
@click.argument("names", nargs=-1, required=True)
@click.option("--reason", default="Promoted by hand.", show_default=True)
def promote(names: tuple[str, ...], reason: str) -> None:
    """Make the versions NAMES live, one of each family at most."""
    begin_write()
    chosen = [named(name) for name in names]
    if len({one.family for one in chosen}) < len(chosen):
        raise click.ClickException("Name one version of a family: two of them cannot both be live.")
    try:
        promotion = Promotion.promote(chosen, by=who(), reason=reason)
        db.session.commit()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    _print_live(promotion)


@versions.command("rollback")
@click.option("--reason", default="Rolled back by hand.", show_default=True)
def rollback(reason: str) -> None:
    """Make live again what the newest promotion replaced."""
    begin_write()
    try:
        promotion = Promotion.roll_back(by=who(), reason=reason)
        db.session.commit()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    _print_live(promotion)


@versions.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def export(name: str, folder: Path) -> None:
    """Write the version NAME as files into FOLDER: model.keras, model.tflite, card.json."""
    if folder.exists():
        raise click.ClickException(f"{folder} exists already; name a new folder.")
    try:
        bundle.save(named(name).bundle(), folder)
    except (BundleError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def named(name: str) -> ModelVersion:
    """Return the version called NAME; a clear error if there is none."""
    version = ModelVersion.named(name)
    if version is None:
        raise click.ClickException(f"There is no version {name}. flask versions list")
    return version


def who() -> str:
    """Return who is at the terminal, for the record of promotions."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def _print_live(promotion: Promotion) -> None:
    click.echo(
        f"Live: {promotion.cnn.name} and {promotion.dnn.name}. Back: flask versions rollback"
    )
