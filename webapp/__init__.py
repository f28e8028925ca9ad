"""Everything that knows HTTP or the database."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from webapp import (
    api,
    aside,
    audit,
    auth,
    batches,
    cli,
    config,
    db,
    digits,
    draw,
    errors,
    health,
    predictions,
    recognition,
    review,
    samples,
    security,
    serving,
    upload,
    versions,
)


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """Make the application.

    Args:
        overrides: settings that win over the environment and `instance/config.py`, for tests.

    Raises:
        SettingError: a setting has a value that cannot be used.
    """
    instance = config.instance_folder()
    app = Flask(
        __name__,
        instance_path=str(instance),
        root_path=str(config.ROOT),
    )
    app.config.update(config.load(instance, overrides))

    for extension in (db, security, errors, auth, serving, recognition, aside, cli):
        extension.init_app(app)
    for page in (
        draw,
        upload,
        batches,
        samples,
        predictions,
        digits,
        review,
        audit,
        versions,
        auth,
        health,
    ):
        app.register_blueprint(page.bp)
    api.init_app(app)
    return app
