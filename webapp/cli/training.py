"""`flask train`, `retrain` and `evaluate`. TensorFlow is loaded only when one of them runs."""

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
from webapp import retraining
from webapp.cli.progress import clear_errors, progress_bar
from webapp.cli.versions import named, who
from webapp.db import begin_write, db
from webapp.models import ModelVersion, Promotion
from webapp.retraining import Candidate, Lessons, RetrainingError

if TYPE_CHECKING:
    from ml.training import TrainingConfig

FAMILY_CHOICE = click.Choice(FAMILIES)


@click.command()
@click.option("--family", type=FAMILY_CHOICE, help="Train this family only.")
@click.option("--architecture", help="A row of the catalogue in ml/architectures.py.")
@click.option("--epochs", type=click.IntRange(1, 1_000), help="Rounds through the data.")
@click.option("--train-size", type=click.IntRange(100, 50_000), help="Digits of MNIST to use.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Another seed, another version.")
@click.option("--quick", is_flag=True, help="A usable version in about a minute.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write bundles into this folder instead of saving versions: how ml/pretrained is made.",
)
@with_appcontext
def train(family: Family | None, quick: bool, out: Path | None, **choices: Any) -> None:
    """Train new versions from nothing, on MNIST and what the code makes.

    They are saved, not promoted.
    """
    if choices["architecture"] and not family:
        raise click.UsageError("--architecture belongs to one family; name it with --family.")
    with clear_errors():
        for one in (family,) if family else FAMILIES:
            trained = _train(one, quick=quick, choices=choices)
            _keep(trained, out)
    if out is None:
        click.echo("Compare: flask versions list. Make one live: flask versions promote NAME")


def _train(family: Family, *, quick: bool, choices: Mapping[str, Any]) -> Bundle:
    from ml import plots, training
    from ml.datasets import load_mnist

    base: TrainingConfig = (training.QUICK if quick else training.DEFAULTS)[family]
    chosen = {name: value for name, value in choices.items() if value is not None}
    with progress_bar(family) as report:
        trained = training.train(dataclasses.replace(base, **chosen), report)
        report("drawing plots", 0, 1)
        return plots.with_plots(trained, load_mnist().test)


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
    click.echo(
        f"{name}: {card.architecture}, {card.parameters:,} parameters, "
        f"MNIST test {card.figures['mnist_test']['accuracy']:.2%}, "
        f"{card.history['seconds']:.0f} s"
    )


@click.command()
@click.option("--promote", is_flag=True, help="Make live what passes the gate.")
@click.option("--reason", default="Retrained on corrections.", show_default=True)
@with_appcontext
def retrain(promote: bool, reason: str) -> None:
    """Teach the live versions what was corrected, and compare before and after.

    Learns from accepted corrections mixed with MNIST; one correction in five is never learned
    from but judged on. Saves new versions; the live ones change with --promote alone.
    """
    with clear_errors(), retraining.only_one():
        lessons = retraining.gather()
        current = Promotion.current()
        if current is None:
            raise RetrainingError("No version is live to start from. Run: flask prepare")
        click.echo(
            f"{len(lessons.taught)} corrections to learn from, {len(lessons.held_out)} held out, "
            f"{lessons.num_outdated} outdated."
        )
        candidates = _candidates(current, lessons)
        saved = retraining.save(candidates)
        for candidate in candidates:
            _print_report(candidate, saved[candidate.family].name)
        passed = [saved[one.family] for one in candidates if one.report.passed]
        _finish(passed, current.id if promote else None, reason)


def _candidates(current: Promotion, lessons: Lessons) -> list[Candidate]:
    """Teach both families; the database is not held meanwhile."""
    live = retraining.live_bundles(current)
    names = {family: version.name for family, version in current.versions.items()}
    db.session.commit()
    candidates = []
    for family in FAMILIES:
        with progress_bar(family) as report:
            candidates.append(
                retraining.teach(family, names[family], live[family], lessons, report)
            )
    return candidates


def _print_report(candidate: Candidate, name: str) -> None:
    verdict = "passes" if candidate.report.passed else "does not pass"
    table = Table(
        "compared", "before", "after", "", title=f"{candidate.parent} → {name}: {verdict}"
    )
    for row in candidate.report.rows:
        table.add_row(row.name, row.before, row.after, "ok" if row.passed else "refused")
    Console().print(table)
    for reason in candidate.report.reasons:
        click.echo(f"{name}: {reason}")


def _finish(passed: Sequence[ModelVersion], replacing: int | None, reason: str) -> None:
    """Promote what passed, or say how to."""
    names = " ".join(version.name for version in passed)
    if not passed:
        raise click.ClickException("Neither version passed the gate. What is live stays live.")
    if replacing is None:
        click.echo(f"Saved, not promoted. Make live: flask versions promote {names}")
        return
    promotion = retraining.promote(passed, replacing=replacing, by=who(), reason=reason)
    click.echo(
        f"Live: {promotion.cnn.name} and {promotion.dnn.name}. Back: flask versions rollback"
    )


@click.command()
@click.argument("names", nargs=-1)
@with_appcontext
def evaluate(names: tuple[str, ...]) -> None:
    """Have the versions NAMES, or the live ones, read MNIST's 10,000 test digits."""
    from ml import evaluation
    from ml.datasets import load_mnist

    current = Promotion.current()
    live = list(current.versions.values()) if current else []
    versions = [named(name) for name in names] or live
    table = Table("version", "accuracy", "loss", "precision", "recall", "F1", "ECE", "refused")
    with clear_errors():
        for version in versions:
            figures = evaluation.evaluate(version.bundle(), load_mnist().test).figures
            parts = [figures[name] for name in ("precision", "recall", "f1", "ece", "refused")]
            table.add_row(
                version.name,
                f"{figures['accuracy']:.2%}",
                f"{figures['loss']:.4f}",
                *(f"{part:.2%}" for part in parts),
            )
    Console().print(table)


COMMANDS = (train, retrain, evaluate)
