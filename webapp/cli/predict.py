"""`flask predict`: read pictures from the shell."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ml import bulk, forms
from ml.bulk import FileReading
from ml.bundle import FAMILIES, Bundle, Family
from ml.forms import Form, FormError
from webapp import serving, spreadsheets
from webapp.models import ModelVersion

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
"""What a folder's files must end in; a file that is named itself may end in anything."""
COLUMNS = ("file", "reading", "confidence", "needs_look", "problem")
FORM_COLUMNS = ("file", "field", *COLUMNS[1:])
SHOWN_NAMES = 5


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH…"
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the readings to this file, .csv or .jsonl, instead of a table on the terminal.",
)
@click.option(
    "--form",
    type=click.File("rb"),
    help="Read the same fields from each page: a JSON file that says what stands where.",
)
@with_appcontext
def predict(paths: tuple[Path, ...], out: Path | None, form: BinaryIO | None) -> None:
    """Read pictures with the live versions, on all cores; nothing is saved.

    PATH… are files, or folders whose pictures are read with those of the folders in them. Files
    that could not be read are told at the end, and make the command end with 1.
    """
    write, definition = _writer(out), _parsed(form)
    files = _files_of(paths)
    readings = _read(files, definition)
    write(readings)
    failures = sum(one.problem is not None for one in readings)
    if out is not None:
        _summarise(readings)
        click.echo(f"{len(readings) - failures} readings are in {out}.")
    if failures:
        raise click.ClickException(f"{failures} of {len(files)} files could not be read.")


def _parsed(file: BinaryIO | None) -> Form | None:
    try:
        return None if file is None else forms.parse(file.read())
    except FormError as error:
        raise click.BadParameter(str(error), param_hint="--form") from error


Write = Callable[[Sequence[FileReading]], None]


def _writer(out: Path | None) -> Write:
    """Return what brings the readings where they are wanted, before anything is read."""
    if out is None:
        return _print
    writers = {".csv": _csv, ".jsonl": _jsonl}
    if out.suffix not in writers:
        raise click.BadParameter(f"{out} must end in .csv or .jsonl.", param_hint="--out")
    return lambda readings: _write(out, writers[out.suffix](readings))


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error}.") from error


def _files_of(paths: Iterable[Path]) -> list[Path]:
    """Return files and, of folders, the pictures in them, in the order of their names."""
    files: list[Path] = []
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if _is_picture(one)) if path.is_dir() else []
        if path.is_dir() and not inside:
            raise click.ClickException(f"There is no picture in {path}.")
        files += inside or [path]
    return list(dict.fromkeys(files))


def _is_picture(path: Path) -> bool:
    hidden = path.name.startswith(".")
    return path.suffix.lower() in PICTURES and not hidden and path.is_file()


def _read(files: Sequence[Path], form: Form | None) -> list[FileReading]:
    most = current_app.config["INKLING_MAX_PIXELS"]
    readings = bulk.read_files(files, _live_bundles(), max_pixels=most, form=form)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        return list(bar.track(readings, total=len(files), description="Reading"))


def _live_bundles() -> dict[Family, Bundle]:
    """Return the files of what is served, so that each process can load them."""
    live = serving.live()
    bundles: dict[Family, Bundle] = {}
    for family in FAMILIES:
        version = ModelVersion.named(live.versions[family].name)
        assert version is not None, "what is live is in the database"
        bundles[family] = version.bundle()
    return bundles


def _print(readings: Sequence[FileReading]) -> None:
    table = Table("file", "reading", "confidence", "cnn", "dnn")
    for one in readings:
        cells = [f"[red]{escape(one.problem)}"] if one.problem else _cells(one)
        table.add_row(escape(str(one.path)), *cells)
    Console().print(table)


def _cells(reading: FileReading) -> list[str]:
    by_model = [
        "".join(str(said.models[family].label) for said in reading.answers) for family in FAMILIES
    ]
    return [reading.reading, f"{reading.confidence:.1%}", *by_model]


def _row(reading: FileReading) -> dict[str, Any]:
    return {
        "file": str(reading.path),
        "reading": None if reading.problem else reading.reading,
        "confidence": reading.confidence,
        "needs_look": reading.needs_look,
        "problem": reading.problem,
    }


def _csv(readings: Sequence[FileReading]) -> str:
    """Return a line for each file; for each field, where they are pages of a form."""
    columns = FORM_COLUMNS if any(one.fields for one in readings) else COLUMNS
    lines = [{**_row(one), **field} for one in readings for field in _fields(one) or [{}]]
    return spreadsheets.to_csv(columns, [[line.get(name) for name in columns] for line in lines])


def _jsonl(readings: Sequence[FileReading]) -> str:
    return "".join(f"{json.dumps(_whole(one))}\n" for one in readings)


def _whole(reading: FileReading) -> dict[str, Any]:
    fields = _fields(reading)
    return {**_row(reading), "digits": _digits(reading), **({"fields": fields} if fields else {})}


def _fields(reading: FileReading) -> list[dict[str, Any]]:
    return [
        {
            "field": field.name,
            "reading": field.reading,
            "confidence": field.confidence if field.reading else None,
            "needs_look": field.needs_look,
        }
        for field in reading.fields
    ]


def _digits(reading: FileReading) -> list[dict[str, Any]]:
    return [
        {
            "label": said.label,
            "confidence": said.confidence,
            "unsure": said.unsure,
            "refused": said.refused,
            "line": found.line,
            "position": found.position,
            "box": list(found.box),
        }
        for found, said in zip(reading.found, reading.answers, strict=True)
    ]


def _summarise(readings: Sequence[FileReading]) -> None:
    """Say what could not be read, one line for each reason."""
    names: dict[str, list[str]] = defaultdict(list)
    for one in readings:
        if one.problem:
            names[one.problem].append(one.path.name)
    for problem, files in names.items():
        more = f" and {len(files) - SHOWN_NAMES} more" if len(files) > SHOWN_NAMES else ""
        click.echo(f"{', '.join(files[:SHOWN_NAMES])}{more}: {problem}", err=True)


COMMANDS = (predict,)
