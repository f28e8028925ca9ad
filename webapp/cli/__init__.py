"""The commands: `flask prepare`, `train`, `retrain`, `versions …` and the others."""

from flask import Flask

from webapp.cli import (
    corrections,
    evaluation,
    predict,
    prepare,
    retraining,
    reviewers,
    training,
    versions,
)


def init_app(app: Flask) -> None:
    """Add our commands to the `flask` command."""
    for module in (prepare, predict, training, retraining, evaluation):
        for command in module.COMMANDS:
            app.cli.add_command(command)
    for group in (versions.versions, corrections.corrections, reviewers.reviewers):
        app.cli.add_command(group)
