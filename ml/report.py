"""An evaluation as a folder: figures to compute with, plots to look at."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

from ml.bundle import Bundle
from ml.datasets import LabelledDigits
from ml.evaluation import Comparison, compare_predictions
from ml.plots import THEMES, Results, disagreements, plot_all, png, results_of

FIGURES_JSON, FIGURES_CSV, DIGITS_CSV, STYLES_CSV = (
    "figures.json",
    "figures.csv",
    "digits.csv",
    "styles.csv",
)


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One version and what it made of the digits."""

    name: str
    bundle: Bundle
    results: Results

    @property
    def figures(self) -> Mapping[str, float]:
        """Accuracy, loss, calibration error, part refused, mean precision, recall and F1."""
        return self.results.evaluation.figures


@dataclass(frozen=True, eq=False)
class Pair:
    """Two versions, and what they made of the same digits."""

    first: Evaluated
    second: Evaluated

    @property
    def comparison(self) -> Comparison:
        """Where they disagree, and whether one is better than by chance."""
        evaluations = [one.results.evaluation for one in (self.first, self.second)]
        return compare_predictions(*evaluations)


def evaluated(name: str, bundle: Bundle, digits: LabelledDigits) -> Evaluated:
    """Have a version read labelled digits, 0..9."""
    return Evaluated(name, bundle, replace(results_of(bundle, digits), title=name))


def pairs(versions: Sequence[Evaluated]) -> list[Pair]:
    """Return each two of the versions."""
    return [Pair(*two) for two in combinations(versions, 2)]


def files(versions: Sequence[Evaluated]) -> dict[str, bytes]:
    """Return the files of an evaluation, by their paths: JSON, CSV, and a folder of plots each."""
    found = {
        FIGURES_JSON: (json.dumps(_figures(versions), indent=2, allow_nan=False) + "\n").encode(),
        FIGURES_CSV: _csv(("version", "measure", "value"), _figure_rows(versions)),
        DIGITS_CSV: _csv(
            ("version", "digit", "precision", "recall", "f1", "support"), _digit_rows(versions)
        ),
        STYLES_CSV: _csv(("version", "style", "accuracy", "refused"), _style_rows(versions)),
    }
    for one in versions:
        plots = plot_all(one.results)
        found |= {f"{one.name}/{file}": content for file, content in plots.items()}
    for pair in pairs(versions):
        found |= _disagreements(pair)
    return found


def pair_name(pair: Pair) -> str:
    """Return the name under which the plot of a pair is kept."""
    return f"{pair.first.name}-{pair.second.name}"


def _disagreements(pair: Pair) -> dict[str, bytes]:
    first, second = pair.first.results, pair.second.results
    return {
        f"{pair_name(pair)}/disagreements-{theme.name}.png": png(
            disagreements(first, second, theme), theme
        )
        for theme in THEMES
    }


def _figures(versions: Sequence[Evaluated]) -> dict[str, Any]:
    return {
        "versions": {
            one.name: {
                "architecture": one.bundle.card.architecture,
                "parameters": one.bundle.card.parameters,
                "figures": one.figures,
                "digits": [asdict(digit) for digit in one.results.evaluation.digits],
                **one.results.evaluation.readings,
                "styles": one.bundle.card.styles,
                "costs": one.bundle.card.costs,
            }
            for one in versions
        },
        "comparisons": [_compared(pair) for pair in pairs(versions)],
    }


def _compared(pair: Pair) -> dict[str, Any]:
    found, test = pair.comparison, pair.comparison.test
    return {
        "first": pair.first.name,
        "second": pair.second.name,
        "only_first_right": test.lost,
        "only_second_right": test.gained,
        "both_wrong": found.both_wrong,
        "p": test.different,
        "disagreements": [asdict(one) for one in found.disagreements],
    }


def _figure_rows(versions: Sequence[Evaluated]) -> Iterable[tuple[object, ...]]:
    return (
        (one.name, measure, value) for one in versions for measure, value in one.figures.items()
    )


def _digit_rows(versions: Sequence[Evaluated]) -> Iterable[tuple[object, ...]]:
    return (
        (one.name, digit.label, digit.precision, digit.recall, digit.f1, digit.support)
        for one in versions
        for digit in one.results.evaluation.digits
    )


def _style_rows(versions: Sequence[Evaluated]) -> Iterable[tuple[object, ...]]:
    return (
        (one.name, style, found["accuracy"], found["refused"])
        for one in versions
        for style, found in one.bundle.card.styles.items()
    )


def _csv(headings: Sequence[str], rows: Iterable[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue().encode()
