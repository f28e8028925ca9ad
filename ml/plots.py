"""Figures of an evaluation, drawn once when a version is made; never in a web process.

Each is drawn for light and for dark pages, small and with many pixels an inch: a phone shows it
whole, with letters as large as those of the page around it.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ml.bundle import Bundle
from ml.calibration import reliability
from ml.datasets import LabelledDigits
from ml.evaluation import Evaluation, assess
from ml.remembering import RememberingRecogniser

WIDTH_INCHES, DOTS_PER_INCH = 4.0, 160
TITLE_POINTS, LABEL_POINTS, SMALL_POINTS = 10, 8, 7
NUM_PICTURES = 20
COLUMNS = 5
SAMPLE_SEED = 7
"""The same test digits are sampled for every version, so that versions can be compared."""


@dataclass(frozen=True)
class Theme:
    """Colours of a page, as static/css/values.css names them."""

    name: str
    paper: str
    ink: str
    quiet: str
    accent: str
    wrong: str
    colours: str
    """Name of matplotlib's colour map for counts."""
    pictures: str
    """Name of matplotlib's colour map from paper to ink."""


THEMES = (
    Theme("light", "#fdfbf5", "#182242", "#877c66", "#2946a3", "#ad3217", "Blues", "gray_r"),
    Theme("dark", "#181e2d", "#f0ead9", "#7d879f", "#9db5ff", "#ff9a80", "cividis", "gray"),
)


@dataclass(frozen=True, eq=False)
class Results:
    """What the plots of one version show.

    Attributes:
        title: name of version or architecture, above each plot.
        digits: the labelled digits that were evaluated.
        evaluation: what the version made of them.
        probabilities: float64 (n, 10), calibrated.
        history: accuracy and loss by epoch, from the card.
    """

    title: str
    digits: LabelledDigits
    evaluation: Evaluation
    probabilities: np.ndarray[Any, np.dtype[np.float64]]
    history: Mapping[str, Any]


def results_of(bundle: Bundle, digits: LabelledDigits) -> Results:
    """Have a version read some digits, and return what the plots of it show.

    Args:
        bundle: the version; its card gives the curves of its learning.
        digits: labels 0..9, usually MNIST's test set.
    """
    recogniser, card = RememberingRecogniser(bundle), bundle.card
    outputs = recogniser.recognise(digits.images)
    refused = outputs.refusal > card.refusal.threshold
    evaluation = assess(outputs.probabilities, digits.labels, refused)
    title = f"{card.family} ({card.architecture})"
    return Results(title, digits, evaluation, outputs.probabilities, card.history)


def plot_all(results: Results) -> dict[str, bytes]:
    """Draw every plot in every theme.

    Returns:
        File name, such as `confusion-dark.png`, to the PNG's bytes.
    """
    return {
        f"{name}-{theme.name}.png": png(draw(results, theme), theme)
        for name, draw in PLOTS.items()
        for theme in THEMES
    }


def _figure(height: float, theme: Theme, title: str) -> tuple[Figure, Axes]:
    figure = Figure((WIDTH_INCHES, height), layout="constrained", facecolor=theme.paper)
    axes = figure.add_subplot()
    _dress(axes, theme)
    axes.set_title(title, color=theme.ink, loc="left", fontsize=TITLE_POINTS)
    return figure, axes


def _dress(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor(theme.paper)
    axes.tick_params(colors=theme.ink, labelsize=LABEL_POINTS)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=theme.ink, fontsize=LABEL_POINTS)
    for spine in axes.spines.values():
        spine.set_color(theme.quiet)


def png(figure: Figure, theme: Theme) -> bytes:
    """Return a figure as a PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, facecolor=theme.paper)
    return file.getvalue()


def confusion(results: Results, theme: Theme) -> Figure:
    """Draw true labels by labels read; the colour shows the mistakes, not the hits."""
    counts = results.evaluation.confusion
    mistakes = counts.astype(float)
    np.fill_diagonal(mistakes, 0)
    figure, axes = _figure(4.1, theme, f"{results.title}: what was read as what")
    image = axes.imshow(mistakes, cmap=theme.colours, vmin=0, vmax=max(1.0, mistakes.max()))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = _readable_on(image.to_rgba(mistakes[row, column]))
            axes.text(
                column,
                row,
                str(count),
                ha="center",
                va="center",
                fontsize=SMALL_POINTS,
                color=colour,
            )
    axes.set(xlabel="read as", ylabel="really is", xticks=range(10), yticks=range(10))
    return figure


def _readable_on(cell: Any) -> str:
    """Return black or white, whichever stands out (luma weights of ITU-R BT.601)."""
    red, green, blue = (float(part) for part in cell[:3])
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "#ffffff"


def learning(results: Results, theme: Theme) -> Figure:
    """Draw accuracy and loss by epoch."""
    figure = Figure((WIDTH_INCHES, 4.6), layout="constrained", facecolor=theme.paper)
    for axes, name in zip(figure.subplots(2, 1, sharex=True), ("accuracy", "loss"), strict=True):
        _dress(axes, theme)
        _curves(axes, results.history, name, theme)
    figure.axes[0].set_title(
        f"{results.title}: learning", color=theme.ink, loc="left", fontsize=TITLE_POINTS
    )
    figure.axes[1].set_xlabel("epoch")
    return figure


def _curves(axes: Axes, history: Mapping[str, Any], name: str, theme: Theme) -> None:
    styles = ((name, "while learning", theme.quiet), (f"val_{name}", "on validation", theme.accent))
    for key, label, colour in styles:
        curve = history.get(key, [])
        axes.plot(range(1, len(curve) + 1), curve, color=colour, label=label, marker=".")
    axes.set_ylabel(name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(
        facecolor=theme.paper, labelcolor=theme.ink, edgecolor=theme.quiet, fontsize=LABEL_POINTS
    )


def calibration(results: Results, theme: Theme) -> Figure:
    """Draw how often answers of each confidence are right."""
    bins = reliability(results.probabilities, results.digits.labels)
    figure, axes = _figure(4.1, theme, f"{results.title}: is the confidence true?")
    axes.plot([0, 1], [0, 1], color=theme.quiet, linestyle="--", label="true confidence")
    axes.plot(
        [one.confidence for one in bins],
        [one.accuracy for one in bins],
        color=theme.accent,
        marker="o",
        label=f"measured, off by {results.evaluation.ece:.2%} on average",
    )
    axes.set(xlabel="confidence", ylabel="part read right", xlim=(0, 1.02), ylim=(0, 1.02))
    # Points may lie anywhere between the axes, so the legend stands below them.
    figure.legend(
        loc="outside lower left",
        facecolor=theme.paper,
        labelcolor=theme.ink,
        edgecolor=theme.quiet,
        fontsize=LABEL_POINTS,
    )
    return figure


def mistakes(results: Results, theme: Theme) -> Figure:
    """Draw the digits that were read wrongly with the most confidence."""
    chosen = results.evaluation.mistakes[:NUM_PICTURES]
    captions = [f"{one.true} read as {one.read}\n{one.confidence:.0%}" for one in chosen]
    places = [one.index for one in chosen]
    title = f"{results.title}: the most confident mistakes"
    return _pictures(results, places, captions, [theme.wrong] * len(places), (title, theme))


def samples(results: Results, theme: Theme) -> Figure:
    """Draw random digits with what they are and what they were read as."""
    generator = np.random.default_rng(SAMPLE_SEED)
    count = min(NUM_PICTURES, len(results.digits))
    places = sorted(generator.choice(len(results.digits), count, replace=False).tolist())
    labels, read = results.digits.labels, results.evaluation.predictions
    captions = [f"{labels[at]} read as {read[at]}" for at in places]
    colours = [theme.ink if labels[at] == read[at] else theme.wrong for at in places]
    return _pictures(results, places, captions, colours, (f"{results.title}: samples", theme))


def disagreements(results: Results, other: Results, theme: Theme) -> Figure:
    """Draw the digits that two versions read differently; the text says what each read."""
    first, second = results.evaluation.predictions, other.evaluation.predictions
    places = np.flatnonzero(first != second)[:NUM_PICTURES].tolist()
    true = results.digits.labels
    captions = [f"{true[at]} read as\n{first[at]} and as {second[at]}" for at in places]
    dress = (f"Read differently by {results.title} and by {other.title}", theme)
    return _pictures(results, places, captions, [theme.ink] * len(places), dress)


def _pictures(
    results: Results,
    places: list[int],
    captions: list[str],
    colours: list[str],
    dress: tuple[str, Theme],
) -> Figure:
    title, theme = dress
    rows = max(1, -(-len(places) // COLUMNS))
    figure = Figure((WIDTH_INCHES, 0.4 + 1.15 * rows), layout="constrained", facecolor=theme.paper)
    figure.suptitle(title, color=theme.ink, x=0.01, ha="left", fontsize=TITLE_POINTS)
    for cell, axes in enumerate(np.ravel(figure.subplots(rows, COLUMNS))):
        axes.set_axis_off()
        if cell < len(places):
            picture = results.digits.images[places[cell]]
            axes.imshow(picture, cmap=theme.pictures, vmin=0, vmax=255)
            axes.set_title(captions[cell], color=colours[cell], fontsize=SMALL_POINTS)
    return figure


PLOTS: Mapping[str, Callable[[Results, Theme], Figure]] = {
    "confusion": confusion,
    "learning": learning,
    "calibration": calibration,
    "mistakes": mistakes,
    "samples": samples,
}
