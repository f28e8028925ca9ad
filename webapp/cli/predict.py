"""`flask predict`: read pictures from the shell."""

from pathlib import Path

import click
import numpy as np
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from ml import images, segmentation
from ml.reading import REFUSED_MARK, DigitAnswer, read_digits
from webapp import serving


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@with_appcontext
def predict(files: tuple[Path, ...]) -> None:
    """Read the pictures FILES with the live versions; nothing is saved."""
    table, failures = Table("file", "reading", "confidence", "cnn", "dnn"), 0
    for file in track(files, "Reading", console=Console(stderr=True), transient=True):
        try:
            table.add_row(escape(str(file)), *_row(_read(file)))
        except (ValueError, OSError) as error:
            failures += 1
            table.add_row(escape(str(file)), f"[red]{escape(str(error))}")
    Console().print(table)
    if failures:
        raise click.ClickException(f"{failures} of {len(files)} files could not be read.")


def _read(file: Path) -> list[DigitAnswer]:
    photo = images.decode(file.read_bytes(), max_pixels=current_app.config["INKLING_MAX_PIXELS"])
    found = segmentation.digits_in_ink(photo.ink, photo.scale)
    if not found:
        raise ValueError("Nothing is written on it.")
    pictures = np.stack([digit.picture for digit in found])
    return read_digits(pictures, serving.live().recognisers)


def _row(answers: list[DigitAnswer]) -> list[str]:
    reading = "".join(REFUSED_MARK if one.label is None else str(one.label) for one in answers)
    confidence = min(one.confidence for one in answers)
    by_model = [
        "".join(str(one.models[family].label) for one in answers) for family in ("cnn", "dnn")
    ]
    return [reading, f"{confidence:.1%}", *by_model]


COMMANDS = (predict,)
