"""How well the shipped versions read: MNIST, other people's ink, letters; and how fast.

    INKLING_BENCH_DATA=DIR .venv/bin/python -m benchmarks.recognition [--models DIR] [--final]
        [--before DIR]

The folder holds `ink-dev.jsonl.gz` and `letters-dev.jsonl.gz`: one JSON object a line with
`writer`, `label` and `strokes`. Nothing that ships learns from them. A third of the writers are
kept for the final figure: they are counted with `--final` alone, so that no choice is made on
them. `--before` names earlier versions (bundles in DIR/cnn and DIR/dnn), to compare mistakes with.
"""

import argparse
import gzip
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from ml import bundle
from ml.bundle import FAMILIES, PRETRAINED
from ml.datasets import NOT_A_DIGIT, NUM_DIGITS, LabelledDigits, load_mnist
from ml.evaluation import Evaluation, assess, evaluate
from ml.preprocessing import prepare
from ml.runtime import Floats, Outputs, Recogniser
from ml.strokes import render
from ml.synthesis import styled

FINAL_ONE_IN = 3
DIGITS_REFUSED = (0.001, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Points of the refusal curve: parts of the digits that one would be ready to lose."""
TIMED_CALLS = 2_000
NUM_CONFUSIONS = 12
DIGITS_OF_A_STYLE, STYLE_SEED = 200, 70_001
"""Drawn anew for every measurement, with a seed that no training uses."""
NUM_STYLES = 4
"""Styles named for each digit: those read worst, those refused most."""

Confusions = dict[str, Counter[tuple[int, int]]]
"""By set and model: how often which digit is read as which other."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Drawn digits or letters, prepared, and who drew each of them."""

    digits: LabelledDigits
    writers: npt.NDArray[np.str_]

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Ink":
        """Return a part of them."""
        return Ink(self.digits.take(chosen), self.writers[chosen])


def is_final(writer: str) -> bool:
    """Tell whether a writer is kept for the final figure: SHA-256 of the name modulo 3 is 0."""
    return int(hashlib.sha256(writer.encode()).hexdigest(), 16) % FINAL_ONE_IN == 0


def load_ink(file: Path) -> Ink:
    """Read strokes and prepare them as a visitor's drawing is prepared."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    images = [
        prepare(render([np.array(stroke, float) for stroke in row["strokes"]])) for row in rows
    ]
    labels = [int(row["label"]) if row["label"].isdigit() else NOT_A_DIGIT for row in rows]
    digits = LabelledDigits(np.array(images, np.uint8), np.array(labels, np.int64))
    return Ink(digits, np.array([row["writer"] for row in rows]))


def evaluated(outputs: Outputs, digits: LabelledDigits, threshold: float) -> Evaluation:
    """Judge one model's outputs."""
    return assess(outputs.probabilities, digits.labels, outputs.refusal > threshold)


def accuracy_table(models: dict[str, Recogniser], sets: dict[str, LabelledDigits]) -> Table:
    """Return accuracy, calibration and refusals by model and set."""
    table = Table("set", "model", "accuracy", "loss", "ECE", "refused", "digits", title="Reading")
    for name, digits in sets.items():
        outputs = {family: model.recognise(digits.images) for family, model in models.items()}
        for family, output in outputs.items():
            found = evaluated(output, digits, models[family].card.refusal.threshold)
            table.add_row(name, family, *_texts(found), f"{len(digits):,}")
        joint = np.mean([output.probabilities for output in outputs.values()], axis=0)
        found = assess(joint, digits.labels, np.zeros(len(digits), bool))
        table.add_row(name, "mean", *_texts(found)[:3], "", f"{len(digits):,}", end_section=True)
    return table


def confusions_of(models: dict[str, Recogniser], sets: dict[str, LabelledDigits]) -> Confusions:
    """Count the mistakes of each model on each set."""
    return {
        f"{name}, {family}": Counter(
            (mistake.true, mistake.read) for mistake in evaluate(model, digits).mistakes
        )
        for name, digits in sets.items()
        for family, model in models.items()
    }


def _texts(found: Evaluation) -> tuple[str, str, str, str]:
    shares = f"{found.ece:.2%}", f"{found.refused:.2%}"
    return f"{found.accuracy:.2%}", f"{found.loss:.4f}", *shares


def refusal_table(models: dict[str, Recogniser], ink: Ink, letters: Ink) -> Table:
    """Return the part of letters refused where a given part of the digits would be."""
    points = [f"{part:.1%}" for part in DIGITS_REFUSED]
    table = Table("model", *points, "AUROC", "shipped", title="Letters refused, by digits refused")
    for family, model in models.items():
        own = model.recognise(ink.digits.images).refusal
        others = model.recognise(letters.digits.images).refusal
        curve = [(others > np.quantile(own, 1 - part)).mean() for part in DIGITS_REFUSED]
        threshold = model.card.refusal.threshold
        shipped = f"{(others > threshold).mean():.1%} at {(own > threshold).mean():.2%}"
        table.add_row(
            family, *(f"{part:.1%}" for part in curve), f"{auroc(own, others):.4f}", shipped
        )
    return table


def auroc(digits: Floats, others: Floats) -> float:
    """Return how often something else has the higher score than a digit, ties as half."""
    order = np.sort(digits)
    below = np.searchsorted(order, others, "left") + np.searchsorted(order, others, "right")
    return float(below.mean() / 2 / len(digits))


def confusion_table(now: Confusions, before: Confusions | None) -> Table:
    """Return the commonest mistakes on each set, with how often they were made before."""
    table = Table("set, model", "all", "true → read: how often", title="Confusions")
    for name, counts in now.items():
        earlier = before[name] if before else Counter[tuple[int, int]]()
        texts = [
            f"{true}→{read}: " + (f"{earlier[true, read]} → " if before else "") + f"{count}"
            for (true, read), count in _common(earlier, counts)
        ]
        total = (f"{earlier.total()} → " if before else "") + f"{counts.total()}"
        table.add_row(name, total, ", ".join(texts))
    return table


def _common(
    earlier: Counter[tuple[int, int]], now: Counter[tuple[int, int]]
) -> list[tuple[tuple[int, int], int]]:
    """Return what is or was confused most often, and how often it is now."""
    return [(pair, now[pair]) for pair, _ in (earlier | now).most_common(NUM_CONFUSIONS)]


def style_table(model: Recogniser, title: str) -> Table:
    """Return how one model reads and refuses the synthetic writer's styles, digit by digit."""
    table = Table(
        "digit", "styles", "read right", "read worst", "refused", "refused most", title=title
    )
    found = {
        style: evaluate(model, digits)
        for style, digits in styled(DIGITS_OF_A_STYLE, np.random.default_rng(STYLE_SEED)).items()
    }
    for label in range(NUM_DIGITS):
        of = {name: one for name, one in found.items() if name.startswith(f"{label} ")}
        table.add_row(str(label), str(len(of)), *_shares(of, "accuracy"), *_shares(of, "refused"))
    table.add_row("all", str(len(found)), *_shares(found, "accuracy"), *_shares(found, "refused"))
    return table


def _shares(styles: Mapping[str, Evaluation], measure: str) -> tuple[str, str]:
    """Return the mean of a measure, and the styles for which it is worst."""
    values = {name.partition(" ")[2]: getattr(one, measure) for name, one in styles.items()}
    worst = sorted(values.items(), key=lambda item: item[1], reverse=measure == "refused")
    named = ", ".join(f"{name} {value:.1%}" for name, value in worst[:NUM_STYLES])
    return f"{np.mean(list(values.values())):.2%}", named


def ink_table(models: dict[str, Recogniser], ink: Ink) -> Table:
    """Return how real ink is read and refused, digit by digit."""
    cells = [f"{family} {what}" for family in models for what in ("read right", "refused")]
    table = Table("digit", "drawn", *cells, title="Ink, digit by digit")
    for label in range(NUM_DIGITS):
        digits = ink.digits.take(ink.digits.labels == label)
        found = [evaluate(model, digits) for model in models.values()]
        shares = [f"{share:.2%}" for one in found for share in (one.accuracy, one.refused)]
        table.add_row(str(label), f"{len(digits):,}", *shares)
    return table


def speed_table(models: dict[str, Recogniser], digits: LabelledDigits) -> Table:
    """Return the median time of reading one digit on one core, and the files' sizes."""
    table = Table("model", "parameters", "one digit", title="Speed in LiteRT, one thread")
    total = 0.0
    for family, model in models.items():
        seconds = median_seconds(model, digits)
        total += seconds
        table.add_row(family, f"{model.card.parameters:,}", f"{seconds * 1e3:.3f} ms")
    table.add_row("both", "", f"{total * 1e3:.3f} ms")
    return table


def median_seconds(model: Recogniser, digits: LabelledDigits) -> float:
    """Return the median time of one call with one digit."""
    times = []
    for at in range(TIMED_CALLS):
        picture = digits.images[at % len(digits)][None]
        began = time.perf_counter()
        model.logits(picture)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def sets_of(ink: Ink, *, final: bool) -> dict[str, LabelledDigits]:
    """Return what is read: MNIST's test set and the writers that may be looked at."""
    kept = np.array([is_final(str(writer)) for writer in ink.writers])
    sets = {"MNIST test": load_mnist().test, "ink, development": ink.of(~kept).digits}
    return sets | ({"ink, final": ink.of(kept).digits, "ink, all": ink.digits} if final else {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=PRETRAINED)
    parser.add_argument("--before", type=Path, help="earlier versions, to compare mistakes with")
    parser.add_argument("--final", action="store_true", help="count the kept writers too")
    options = parser.parse_args(arguments)
    folder = os.environ.get("INKLING_BENCH_DATA")
    if not folder:
        parser.error("INKLING_BENCH_DATA must name the folder with ink-dev.jsonl.gz.")
    ink, letters = (load_ink(Path(folder) / f"{name}-dev.jsonl.gz") for name in ("ink", "letters"))
    models = load_models(options.models)
    sets = sets_of(ink, final=options.final)
    seen = ink if options.final else ink.of(np.array([not is_final(str(w)) for w in ink.writers]))
    before = confusions_of(load_models(options.before), sets) if options.before else None
    console = Console(width=150)
    console.print(accuracy_table(models, sets), ink_table(models, seen))
    console.print(refusal_table(models, seen, letters))
    console.print(confusion_table(confusions_of(models, sets), before))
    for family, model in models.items():
        console.print(style_table(model, f"The synthetic writer's styles, {family}"))
    console.print(speed_table(models, load_mnist().test))


def load_models(folder: Path) -> dict[str, Recogniser]:
    """Load one version of each family."""
    return {family: Recogniser(bundle.load(folder / family)) for family in FAMILIES}


if __name__ == "__main__":
    main()
