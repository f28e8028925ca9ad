"""What commands that take long show, and how their errors read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import OperationalError

from ml.bundle import BundleError
from ml.quiet import silent_stderr
from webapp import memory
from webapp.memory import MemoryShortageError
from webapp.retraining import RetrainingError

if TYPE_CHECKING:
    from ml.training import Progress as Report


@contextmanager
def progress_bar(title: str) -> Iterator["Report"]:
    """Show a bar with the time left, on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{title}: {what}", completed=done, total=total)

        yield report


@contextmanager
def clear_errors() -> Iterator[None]:
    """Load TensorFlow if it fits, and turn what can go wrong with it into a sentence."""
    try:
        memory.check()
    except MemoryShortageError as error:
        raise click.ClickException(str(error)) from error
    with silent_stderr():
        from ml.architectures import UnknownArchitectureError
        from ml.datasets import DatasetError
        from ml.export import ExportError
        from ml.training import TrainingError

    learning = (UnknownArchitectureError, DatasetError, ExportError, TrainingError)
    try:
        yield
    except (*learning, BundleError, RetrainingError, OSError) as error:
        raise click.ClickException(f"{error} The live versions are untouched.") from error
    except OperationalError as error:
        told = f"The database did not take it: {error.orig}. The live versions are untouched."
        raise click.ClickException(told) from error
    except MemoryError as error:
        raise click.ClickException(
            "The memory ran out. End other programs and try again. The live versions are untouched."
        ) from error
