"""`flask corrections`: corrections from and to files."""

from pathlib import Path
from typing import TextIO

import click
from flask.cli import AppGroup

from webapp import correction_files

corrections = AppGroup("corrections", help="Corrections from and to files of JSON lines.")

FAULTS_SHOWN = 20


@corrections.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
def import_(file: TextIO) -> None:
    """Import FILE as accepted corrections; - reads standard input.

    A line is {"strokes": … or "image": base64, "label": 0–9 or null}. An image of 28×28 grey is
    taken as prepared; any other must hold exactly one digit.
    """
    report = correction_files.import_lines(file)
    for fault in report.faults[:FAULTS_SHOWN]:
        click.echo(f"Skipped {fault}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        click.echo(f"… and {len(report.faults) - FAULTS_SHOWN} more lines.", err=True)
    click.echo(
        f"{report.added} corrections added, {report.known} known already, "
        f"{len(report.faults)} lines skipped. Next: flask retrain"
    )
    if report.faults and not report.added and not report.known:
        raise click.exceptions.Exit(1)


@corrections.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(file: Path) -> None:
    """Write all accepted corrections to FILE, which must not exist yet."""
    try:
        with file.open("x", encoding="utf-8") as out:
            count = sum(1 for line in correction_files.export_lines() if out.write(line + "\n"))
    except FileExistsError:
        raise click.ClickException(f"{file} exists already; name a new file.") from None
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error}.") from error
    click.echo(f"{file}: {count} corrections.")
