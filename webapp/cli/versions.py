"""`flask versions`: list, show, promote, roll back, upgrade, prune, export."""

import getpass
import json
from collections.abc import Sequence
from pathlib import Path

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from ml import bundle
from ml.bundle import FORMATS, BundleError, Format, outside_name
from webapp import outcomes, reports
from webapp.cli.progress import clear_errors
from webapp.db import begin_write, db
from webapp.models import ModelVersion, Promotion
from webapp.serving import load_pretrained, replace_outdated

versions = AppGroup("versions", help="The model versions, and which of them are live.")


def some_words(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Check an option that asks for a reason: where it is given, it says something."""
    if value is not None and not value.strip():
        raise click.BadParameter("say why, in some words.")
    return value


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
@click.option(
    "--force",
    metavar="REASON",
    callback=some_words,
    help="Promote what the gate refused, and record why.",
)
def promote(names: tuple[str, ...], reason: str, force: str | None) -> None:
    """Make the versions NAMES live, one of each family at most."""
    begin_write()
    chosen = [named(name) for name in names]
    if len({one.family for one in chosen}) < len(chosen):
        raise click.ClickException("Name one version of a family: two of them cannot both be live.")
    objections = [one.objections for one in chosen if one.objections]
    if objections and not force:
        raise click.ClickException(f'{" ".join(objections)} To do it all the same: --force "why"')
    try:
        promotion = Promotion.promote(chosen, by=who(), reason=forced(force, objections) or reason)
        db.session.commit()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    _print_live(promotion)
    _ask_about_corrections()


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
    _ask_about_corrections()


@versions.command("upgrade")
def upgrade() -> None:
    """Replace live versions that learned from another preprocessing by those that ship.

    `flask prepare` does it, and with it make run.
    """
    try:
        begin_write()
        promotion = replace_outdated()
        db.session.commit()
    except BundleError as error:
        raise click.ClickException(str(error)) from error
    reports.write_missing()
    if promotion is None:
        click.echo("Both live versions are up to date.")
        return
    click.echo(f"{promotion.reason} What was corrected is taught anew by: flask retrain")
    _print_live(promotion)
    _ask_about_corrections()


@versions.command("prune")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many of the newest of each family keep their files.",
)
def prune(keep: int) -> None:
    """Delete the files of old versions; their cards and figures stay.

    Never of what is live, of what a rollback makes live, or of what ships.
    """
    try:
        shipped = {one.card.weights_sha256 for one in load_pretrained().values()}
    except BundleError as error:
        raise click.ClickException(str(error)) from error
    begin_write()
    pruned = ModelVersion.prune(keep, spared=shipped)
    db.session.commit()
    if not pruned.names:
        click.echo("Nothing to prune.")
        return
    megabytes = pruned.num_bytes / 1e6
    click.echo(f"Without files now: {', '.join(pruned.names)}; {megabytes:.1f} MB are free again.")


@versions.command("export")
@click.argument("name")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="One form, as one file.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file, or a folder for it; by default this folder.",
)
def export(name: str, folder: Path | None, form: Format | None, out: Path | None) -> None:
    """Write the version NAME as all its files into FOLDER, or in one --format.

    A form is written only once it answered 1,000 digits as the Keras model does. ONNX takes the
    packages of requirements-export.txt.
    """
    if (form is None) == (folder is None):
        raise click.UsageError("Name a FOLDER for all files, or a --format for one.")
    version = named(name)
    if folder is not None:
        _export_all(version, folder)
    elif form is not None:
        with clear_errors():
            _export_one(version, form, out or Path())


def _export_all(version: ModelVersion, folder: Path) -> None:
    if folder.exists():
        raise click.ClickException(f"{folder} exists already; name a new folder.")
    try:
        bundle.save(version.bundle(), folder)
    except (BundleError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def _export_one(version: ModelVersion, form: Format, out: Path) -> None:
    from ml.export import CHECKED_DIGITS, exported

    file = out / outside_name(version.name, FORMATS[form]) if out.is_dir() else out
    if file.exists():
        raise click.ClickException(f"{file} exists already; name a new file.")
    content, difference = exported(version.bundle(), form)
    bundle.write_whole(file, content)
    click.echo(
        f"{file}: {len(content):,} bytes. Its logits differ from Keras' by {difference:.2g} at "
        f"most, on {CHECKED_DIGITS:,} digits."
    )


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


def forced(force: str | None, objections: Sequence[str]) -> str | None:
    """Return the reason that stands with a promotion by force, with what the gate held against it.

    >>> forced("We need it.", ["The gate refused cnn-7: It forgot MNIST."])
    'Forced: We need it. The gate refused cnn-7: It forgot MNIST.'
    """
    return " ".join([f"Forced: {force}", *objections]) if force and objections else force


def _ask_about_corrections() -> None:
    """Have the live versions read corrected digits again, for what visitors are told of them."""
    try:
        outcomes.ask()
    except BundleError as error:
        click.echo(f"What became of corrections is not known: {error}", err=True)


def _print_live(promotion: Promotion) -> None:
    click.echo(
        f"Live: {promotion.cnn.name} and {promotion.dnn.name}. Back: flask versions rollback"
    )
