"""`flask retrain`. TensorFlow is loaded only when it runs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table

from ml.bundle import FAMILIES, Bundle, Family
from webapp import outcomes, reports, retraining
from webapp.beside import second_process
from webapp.cli.progress import clear_errors, progress_bar
from webapp.cli.versions import forced, some_words, who
from webapp.db import db
from webapp.models import ModelVersion, Promotion
from webapp.retraining import Candidate, Lessons, RetrainingError, SuspectLabel

SUSPECTS_SHOWN = 20


@click.command()
@click.option("--promote", is_flag=True, help="Make live what passes the gate.")
@click.option("--reason", default="Retrained on corrections.", show_default=True)
@click.option(
    "--force",
    metavar="REASON",
    callback=some_words,
    help="Make live also what does not pass, and record why.",
)
@click.option(
    "--when",
    type=click.IntRange(min=1),
    metavar="N",
    help="Do nothing until N digits are accepted that no retraining knew of: for cron and timers.",
)
@click.option(
    "--from-scratch", is_flag=True, help="Train anew from nothing, as long as flask train takes."
)
@with_appcontext
def retrain(
    promote: bool, reason: str, force: str | None, when: int | None, from_scratch: bool
) -> None:
    """Teach the live versions what was corrected, and compare before and after.

    Learns from accepted corrections mixed with MNIST; one correction in five is never learned
    from but judged on. Saves new versions; the live ones change with --promote alone.
    """
    if when and (num_new := retraining.num_new()) < when:
        click.echo(f"Nothing to do yet: {num_new} new corrections of {when} are accepted.")
        return
    with clear_errors(), retraining.only_one():
        current = Promotion.current()
        if current is None:
            raise RetrainingError("No version is live to start from. Run: flask prepare")
        live = retraining.live_bundles(current)
        lessons = retraining.gather()
        click.echo(
            f"{len(lessons.taught)} corrections to learn from, {len(lessons.held_out)} held out, "
            f"{lessons.num_outdated} outdated, {len(lessons.suspects)} suspected."
        )
        if lessons.num_anew:
            click.echo(f"{lessons.num_anew} of them are prepared anew, as digits are today.")
        _print_suspects(lessons.suspects)
        candidates = _candidates(current, live, lessons, from_scratch=from_scratch)
        saved = retraining.save(candidates, until=lessons.until)
        for candidate in candidates:
            _print_report(candidate, saved[candidate.family].name)
        reports.write_missing()
        outcomes.ask(list(saved.values()))
        passed = [saved[one.family] for one in candidates if one.report.passed or force]
        objections = [one.objections for one in saved.values() if one.objections]
        recorded = forced(force, objections) or reason
        _finish(passed, current.id if promote or force else None, recorded)


def _print_suspects(suspects: Sequence[SuspectLabel]) -> None:
    """Name the labels that are held back, and where to settle them."""
    if not suspects:
        return
    title = "Probably labelled wrong, and held back"
    table = Table("digit", "people say", "models say", "confidence", title=title)
    for one in suspects[:SUSPECTS_SHOWN]:
        said = "not a digit" if one.said is None else str(one.said)
        table.add_row(one.digit_id, said, str(one.read), f"{one.confidence:.1%}")
    Console().print(table)
    if len(suspects) > SUSPECTS_SHOWN:
        click.echo(f"and {len(suspects) - SUSPECTS_SHOWN} more.")
    click.echo("They wait at /review. Said once more, a label is believed.")


def _candidates(
    current: Promotion, live: Mapping[Family, Bundle], lessons: Lessons, *, from_scratch: bool
) -> list[Candidate]:
    """Teach both families, side by side where that is possible; the database is not held."""
    names = {family: version.name for family, version in current.versions.items()}
    db.session.commit()
    tasks = [(family, names[family], live[family], lessons) for family in FAMILIES]
    teach = partial(retraining.teach, from_scratch=from_scratch)
    with second_process() as process:
        if process is None:
            return [_watched(teach, task) for task in tasks]
        others = [process.submit(teach, *task) for task in tasks[1:]]
        first = _watched(teach, tasks[0])
        return [first, *(_awaited(*pair) for pair in zip(FAMILIES[1:], others, strict=True))]


def _watched(teach: Callable[..., Candidate], task: tuple[Any, ...]) -> Candidate:
    with progress_bar(task[0]) as report:
        return teach(*task, report)


def _awaited(family: Family, other: Future[Candidate]) -> Candidate:
    """Wait for what the second process still has to do."""
    with progress_bar(f"{family}, beside"):
        try:
            return other.result()
        except BrokenProcessPool:
            raise RetrainingError(
                f"The process that taught the {family} died; there may be too little memory. "
                "End other programs and try again."
            ) from None


def _print_report(candidate: Candidate, name: str) -> None:
    verdict = "passes" if candidate.report.passed else "does not pass"
    title = f"{candidate.parent} → {name}: {verdict}"
    table = Table("compared", "before", "after", "gained", "lost", "", title=title)
    for row in candidate.report.rows:
        sides = ("" if side is None else str(side) for side in (row.gained, row.lost))
        table.add_row(row.name, row.before, row.after, *sides, "ok" if row.passed else "refused")
    Console().print(table)
    for reason in candidate.report.reasons:
        click.echo(f"{name}: {reason}")
    if candidate.seconds:
        parts = (f"{part} {seconds:.0f} s" for part, seconds in candidate.seconds.items())
        click.echo(f"{name} took: {', '.join(parts)}.")


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


COMMANDS = (retrain,)
