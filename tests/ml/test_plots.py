"""Figures that are stored with a version."""

import io

import numpy as np
import pytest
from PIL import Image

from ml.datasets import LabelledDigits
from ml.evaluation import assess
from ml.plots import PLOTS, THEMES, Results, calibration, disagreements, plot_all


@pytest.fixture(scope="module")
def results():
    """Return forty digits of which one is read wrongly."""
    labels = np.arange(40) % 10
    probabilities = np.full((40, 10), 0.01)
    probabilities[np.arange(40), labels] = 0.91
    probabilities[3] = np.roll(probabilities[3], 1)
    digits = LabelledDigits(np.full((40, 28, 28), 90, np.uint8), labels)
    evaluation = assess(probabilities, labels, np.zeros(40, bool))
    history = {"accuracy": [0.5, 0.9], "val_accuracy": [0.6, 0.8], "loss": [2.0, 0.5]}
    return Results("cnn-1", digits, evaluation, probabilities, history)


def test_every_plot_is_a_png_that_fits_a_phone_in_light_and_in_dark(results):
    files = plot_all(results)

    assert set(files) == {f"{name}-{theme.name}.png" for name in PLOTS for theme in THEMES}
    for content in files.values():
        image = Image.open(io.BytesIO(content))
        assert image.format == "PNG"
        assert image.width == 640
        assert len(content) < 150_000


def test_dark_plots_are_dark_and_light_ones_light(results):
    files = plot_all(results)

    corner = {
        theme.name: Image.open(io.BytesIO(files[f"confusion-{theme.name}.png"]))
        .convert("L")
        .getpixel((2, 2))
        for theme in THEMES
    }
    assert corner["light"] > 200
    assert corner["dark"] < 60


def test_an_evaluation_without_mistakes_is_drawn_as_well(results):
    labels = results.digits.labels
    probabilities = np.eye(10)[labels]
    perfect = assess(probabilities, labels, np.zeros(40, bool))

    assert plot_all(Results("dnn-1", results.digits, perfect, probabilities, {}))


def test_the_legend_of_the_calibration_covers_no_point(results):
    figure = calibration(results, THEMES[0])
    figure.canvas.draw()

    (axes,), (legend,) = figure.axes, figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


def test_digits_that_two_versions_read_differently_are_drawn(results):
    labels = results.digits.labels
    other = np.eye(10)[np.roll(labels, 1)]
    second = Results("dnn-1", results.digits, assess(other, labels, np.zeros(40, bool)), other, {})

    captions = [axes.get_title() for axes in disagreements(results, second, THEMES[0]).axes]
    assert captions[0] == "0 read as\n0 and as 9"
    assert len(captions) == 20
