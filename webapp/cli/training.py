"""`flask train`. TensorFlow is loaded only when it runs."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table

from ml import bundle
from ml.bundle import FAMILIES, Bundle, Family
from webapp import reports
from webapp.cli.progress import clear_errors, progress_bar
from webapp.db import begin_write, db
from webapp.models import ModelVersion

if TYPE_CHECKING:
    from ml.training import TrainingConfig, Trial

FAMILY_CHOICE = click.Choice(FAMILIES)


@click.command()
@click.option("--family", type=FAMILY_CHOICE, help="Train this family only.")
@click.option("--architecture", help="A row of the catalogue in ml/architectures.py.")
@click.option("--epochs", type=click.IntRange(1, 1_000), help="Rounds through the data.")
@click.option("--train-size", type=click.IntRange(100, 50_000), help="Digits of MNIST to use.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Another seed, another version.")
@click.option("--quick", is_flag=True, help="A usable version in about a minute.")
@click.option(
    "--search",
    type=click.IntRange(2, 1_000),
    help="Train so often, each time with other settings, and keep what reads best.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write bundles into this folder instead of saving versions: how ml/pretrained is made.",
)
@with_appcontext
def train(
    family: Family | None, quick: bool, search: int | None, out: Path | None, **choices: Any
) -> None:
    """Train new versions from nothing, on MNIST and what the code makes.

    They are saved, not promoted.
    """
    if choices["architecture"] and not family:
        raise click.UsageError("--architecture belongs to one family; name it with --family.")
    with clear_errors():
        for one in (family,) if family else FAMILIES:
            _keep(_train(one, _config(one, quick, choices), search), out)
    if out is None:
        click.echo("Compare: flask versions list. Make one live: flask versions promote NAME")


def _config(family: Family, quick: bool, choices: Mapping[str, Any]) -> "TrainingConfig":
    from ml import training

    base: TrainingConfig = (training.QUICK if quick else training.DEFAULTS)[family]
    chosen = {name: value for name, value in choices.items() if value is not None}
    return dataclasses.replace(base, **chosen)


def _train(family: Family, config: "TrainingConfig", search: int | None) -> Bundle:
    from ml import training

    with progress_bar(family) as report:
        if search is None:
            return training.finish(training.train(config, report), report)
        trials = training.search(config, search, report)
        best = trials[0].bundle
        assert best is not None  # else the search raises
        best = training.finish(best, report)
    _print_trials(trials)
    return best


def _print_trials(trials: Sequence["Trial"]) -> None:
    """Show what each training of a search was, and how it reads the validation split."""
    from ml.training import SEARCHED

    headings = (name.replace("_", " ") for name in SEARCHED)
    table = Table("accuracy", "loss", *headings, title="On the validation split, best first")
    for trial in trials:
        settings = (str(getattr(trial.config, name)) for name in SEARCHED)
        table.add_row(f"{trial.accuracy:.2%}", f"{trial.loss:.4f}", *settings)
    Console().print(table)


def _keep(trained: Bundle, out: Path | None) -> None:
    """Save a trained bundle as a version, or as files, and say how it reads."""
    card = trained.card
    if out is not None:
        bundle.save(trained, out / card.family)
        name = str(out / card.family)
    else:
        begin_write()
        name = ModelVersion.add(trained, origin="train").name
        db.session.commit()
        reports.write_missing()
    click.echo(
        f"{name}: {card.architecture}, {card.parameters:,} parameters, "
        f"MNIST test {card.figures['mnist_test']['accuracy']:.2%}, "
        f"{card.history['seconds']:.0f} s"
    )


COMMANDS = (train,)
