"""`flask corrections`: corrections from and to files."""

import io
from pathlib import Path
from typing import BinaryIO

import click
from flask.cli import AppGroup

from webapp import correction_files
from webapp.correction_files import FORMATS

corrections = AppGroup("corrections", help="Corrections from and to files: JSON lines, CSV, NPZ.")

FAULTS_SHOWN = 20

FORMAT = click.option(
    "--format",
    "wanted",
    type=click.Choice(FORMATS),
    help="What the file is; without it, what its name ends in, else JSON lines.",
)


@corrections.command("import")
@click.argument("file", type=click.File("rb"))
@FORMAT
def import_(file: BinaryIO, wanted: str | None) -> None:
    """Import FILE as accepted corrections; - reads standard input.

    A line of JSON is {"strokes": … or "image": base64, "label": 0–9 or null}. An image of 28×28
    grey is taken as prepared; any other must hold exactly one digit. CSV and NPZ hold pixels and
    labels 0–9 in the shape of MNIST.
    """
    form = correction_files.format_of(getattr(file, "name", "-"), wanted)
    if form == "npz" and not file.seekable():
        file = io.BytesIO(file.read())
    report = correction_files.import_(file, form)
    for fault in report.faults[:FAULTS_SHOWN]:
        click.echo(f"Skipped {fault}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        click.echo(f"… and {len(report.faults) - FAULTS_SHOWN} more.", err=True)
    click.echo(
        f"{report.added} corrections added, {report.known} known already, "
        f"{len(report.faults)} skipped. Next: flask retrain"
    )
    if report.faults and not report.added and not report.known:
        raise click.exceptions.Exit(1)


@corrections.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@FORMAT
def export(file: Path, wanted: str | None) -> None:
    """Write all accepted corrections to FILE, which must not exist yet.

    JSON lines hold all that is known of them; CSV and NPZ the pixels and labels 0–9, as MNIST.
    """
    try:
        count = correction_files.export(file, correction_files.format_of(file.name, wanted))
    except FileExistsError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}.") from error
    click.echo(f"{file}: {count} corrections.")
