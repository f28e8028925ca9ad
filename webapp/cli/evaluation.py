"""`flask evaluate`: how well versions read, and how published networks turn out here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import render_template
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table

from ml import bundle
from ml.bundle import TFLITE_FILE
from ml.datasets import NUM_DIGITS
from ml.evaluation import in_words
from webapp.cli.progress import clear_errors, progress_bar
from webapp.cli.versions import named
from webapp.models import ModelVersion, Promotion

if TYPE_CHECKING:
    from ml.report import Evaluated, Pair

INDEX_FILE = "index.html"


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write figures, plots and a page that shows them into this folder.",
)
@click.option("--reproduce", is_flag=True, help="Train the published networks instead.")
@click.option("--rows", help="With --reproduce: only these networks, parted by commas.")
@click.option("--epochs", type=click.IntRange(1, 100), help="With --reproduce: so many rounds.")
@click.option(
    "--train-size", type=click.IntRange(100, 60_000), help="With --reproduce: so many digits."
)
@with_appcontext
def evaluate(
    names: tuple[str, ...],
    out: Path | None,
    *,
    reproduce: bool,
    rows: str | None,
    epochs: int | None,
    train_size: int | None,
) -> None:
    """Have the versions NAMES, or the live ones, read MNIST's 10,000 test digits.

    With --reproduce, train the networks that others publish as they say, and print what comes of
    it beside what they print; with --out, reproduced.json in that folder keeps it.
    """
    if not reproduce and (rows or epochs or train_size):
        raise click.UsageError("--rows, --epochs and --train-size belong to --reproduce.")
    if reproduce and names:
        raise click.UsageError("--reproduce trains networks anew; name them with --rows.")
    with clear_errors():
        if reproduce:
            _reproduce(rows.split(",") if rows else None, out, epochs, train_size)
        else:
            _evaluate([named(name) for name in names] or _live(), out)


def _live() -> list[ModelVersion]:
    current = Promotion.current()
    return list(current.versions.values()) if current else []


def _evaluate(versions: Sequence[ModelVersion], out: Path | None) -> None:
    from ml import report
    from ml.datasets import load_mnist

    if out is not None and out.exists():
        raise click.ClickException(f"{out} exists already; name a new folder.")
    test = load_mnist().test
    found = [report.evaluated(one.name, one.bundle(), test) for one in versions]
    Console().print(_figures_table(found))
    for pair in report.pairs(found):
        click.echo(_told(pair))
    if out is not None:
        page = _page(found)
        bundle.write_folder({INDEX_FILE: page.encode(), **report.files(found)}, out)
        click.echo(f"Look at {out / INDEX_FILE}.")


def _page(versions: Sequence["Evaluated"]) -> str:
    from ml.plots import PLOTS
    from ml.report import pairs

    return render_template(
        "evaluation/index.html",
        versions=versions,
        pairs=pairs(versions),
        kinds=list(PLOTS),
        in_words=in_words,
    )


def _figures_table(versions: Sequence["Evaluated"]) -> Table:
    """Put versions side by side, so that any number of figures fits a terminal."""
    table = Table("MNIST test", *(one.name for one in versions))
    for measure in versions[0].figures:
        form = "{:.4f}" if measure == "loss" else "{:.2%}"
        table.add_row(measure, *(form.format(one.figures[measure]) for one in versions))
    table.add_section()
    for digit in range(NUM_DIGITS):
        found = (one.results.evaluation.digits[digit] for one in versions)
        table.add_row(
            f"{digit}: precision, recall",
            *(f"{one.precision:.2%}, {one.recall:.2%}" for one in found),
        )
    table.add_section()
    table.add_row("weights", *(f"{one.bundle.card.parameters:,}" for one in versions))
    table.add_row("LiteRT", *(f"{len(one.bundle.tflite) / 1e6:.2f} MB" for one in versions))
    table.add_row("one digit, one core", *(_milliseconds(one) for one in versions))
    return table


def _milliseconds(one: "Evaluated") -> str:
    """Return what was measured when the version was made."""
    milliseconds = one.bundle.card.costs.get(TFLITE_FILE, {}).get("milliseconds")
    return f"{milliseconds:.3f} ms" if milliseconds else "not measured"


def _told(pair: "Pair") -> str:
    found, first, second = pair.comparison, pair.first.name, pair.second.name
    return (
        f"{first} and {second} read {len(found.disagreements)} of {found.size:,} digits "
        f"differently: only {first} is right on {found.test.lost}, only {second} on "
        f"{found.test.gained}; both are wrong on {found.both_wrong}. "
        f"{in_words(found.test, first, second)}"
    )


def _reproduce(
    rows: Sequence[str] | None, out: Path | None, epochs: int | None, train_size: int | None
) -> None:
    """Train one network after the other; what is done is kept if the next one fails."""
    from ml.training import reproduction

    done = []
    for name in rows or reproduction.published_rows():
        with progress_bar(name) as report:
            one = reproduction.reproduce(name, report, epochs=epochs, train_size=train_size)
        done.append(one)
        if out is not None:
            reproduction.save_results([one], out)
    table = Table(title=f"Published beside here, {done[-1].machine}")
    for heading in reproduction.HEADINGS:
        table.add_column(heading, no_wrap=heading == "network")
    for row in reproduction.table_rows(done):
        table.add_row(*row)
    Console().print(table)


COMMANDS = (evaluate,)
