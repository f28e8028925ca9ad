"""How much a training depends on its seed: several trainings, their mean and deviation.

    .venv/bin/python -m benchmarks.seeds [--family cnn] [--seeds 3] [--out DIR]

Each training takes what `flask train` takes. The one that reads the validation split best (not the
test set, which is only reported) is the one to ship.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ml import bundle, training
from ml.bundle import FAMILIES, Card

SETS = ("validation", "mnist_test")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, default="cnn")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keep the versions here, one folder a seed")
    options = parser.parse_args(arguments)
    cards = []
    for seed in range(1, options.seeds + 1):
        config = dataclasses.replace(training.DEFAULTS[options.family], seed=seed)
        trained = training.train(config)
        cards.append(trained.card)
        if options.out:
            bundle.save(trained, options.out / str(seed) / options.family)
    Console().print(seeds_table(cards))


def seeds_table(cards: Sequence[Card]) -> Table:
    """Return what each seed's version reads right, then their mean and standard deviation."""
    accuracies = [[card.figures[name]["accuracy"] for name in SETS] for card in cards]
    table = Table("seed", *SETS, "minutes", title=f"{cards[0].architecture}, read right")
    for card, row in zip(cards, accuracies, strict=True):
        minutes = f"{card.history['seconds'] / 60:.0f}"
        table.add_row(str(card.seed), *(f"{value:.2%}" for value in row), minutes)
    table.add_section()
    deviations = np.std(accuracies, axis=0, ddof=1) if len(cards) > 1 else np.zeros(len(SETS))
    spread = zip(np.mean(accuracies, axis=0), deviations, strict=True)
    table.add_row("mean", *(f"{mean:.2%} ± {deviation:.2%}" for mean, deviation in spread), "")
    return table


if __name__ == "__main__":
    main()
