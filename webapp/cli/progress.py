"""What commands that take long show, and how their errors read."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ml.bundle import BundleError
from webapp.retraining import RetrainingError

if TYPE_CHECKING:
    from ml.training import Progress as Report

QUIET_TENSORFLOW = "3"
"""TF_CPP_MIN_LOG_LEVEL: errors only."""


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
    """Load TensorFlow, and turn what can go wrong with it into a sentence."""
    with _silent_stderr():
        from ml.architectures import UnknownArchitectureError
        from ml.datasets import DatasetError
        from ml.export import ExportError
        from ml.training import TrainingError

    learning = (UnknownArchitectureError, DatasetError, ExportError, TrainingError)
    try:
        yield
    except (*learning, BundleError, RetrainingError, OSError) as error:
        raise click.ClickException(f"{error} The live versions are untouched.") from error


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep TensorFlow's start-up notes, which it writes past Python, off the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", QUIET_TENSORFLOW)
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(silence)
        os.close(kept)
