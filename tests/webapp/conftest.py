"""Versions beside the shipped ones, for tests."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from flask import Flask

from ml.bundle import Bundle
from ml.images import to_png
from tests.webapp.steps import add_version


@pytest.fixture
def drawn(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version that has the plots of one kind, and half of another's."""
    plots = {
        "confusion-light.png": to_png(np.full((60, 64), 250, np.uint8)),
        "confusion-dark.png": to_png(np.full((60, 64), 20, np.uint8)),
        "learning-light.png": to_png(np.full((50, 64), 250, np.uint8)),
    }
    return add_version(app, replace(make_bundle(gain=3.0), plots=plots))


@pytest.fixture
def plain(app: Flask, make_bundle: Callable[..., Bundle]) -> str:
    """Return the name of a version without plots."""
    return add_version(app, make_bundle(gain=4.0))
