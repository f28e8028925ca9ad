"""The commands: `flask prepare`, `train`, `retrain`, `versions …` and the others."""

from flask import Flask

from webapp.cli import corrections, predict, prepare, reviewers, training, versions


def init_app(app: Flask) -> None:
    """Add our commands to the `flask` command."""
    for module in (prepare, predict, training):
        for command in module.COMMANDS:
            app.cli.add_command(command)
    for group in (versions.versions, corrections.corrections, reviewers.reviewers):
        app.cli.add_command(group)
