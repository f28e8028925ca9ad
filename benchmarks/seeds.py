"""How much a training depends on its seed: several trainings, their mean and deviation.

    .venv/bin/python -m benchmarks.seeds [--family cnn] [--seeds 3] [--out DIR]

Each training takes what `flask train` takes. What lies in DIR already and was trained with the same
settings is not trained again, so that hours of work survive an interruption. The version that reads
the validation split best (not the test set, which is only reported) is the one to ship.
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
from ml.training import TrainingConfig

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
        cards.append(card_of(config, options.out and options.out / str(seed) / options.family))
    Console().print(seeds_table(cards))


def card_of(config: TrainingConfig, folder: Path | None) -> Card:
    """Return the card of a version trained so: of the one that lies in the folder, or a new one."""
    if folder and (folder / "card.json").exists():
        card = bundle.load(folder).card
        if card.configuration == dataclasses.asdict(config):
            return card
    trained = training.train(config)
    if folder:
        bundle.save(trained, folder)
    return trained.card


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
