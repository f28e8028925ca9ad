"""Does the gate keep bad versions out and let honest ones in?

    .venv/bin/python -m benchmarks.sabotage [--families dnn cnn] [--seeds 20]

Each bad candidate is made from the live version, as a mistake or malice would make it. The honest
ones learned the same lessons in the same way from another seed, and are compared with one of them.
With INKLING_BENCH_DATA, a hundred wrong labels are laid among four hundred honest ones as well.
"""

import argparse
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.recognition import Ink, load_ink
from ml import bundle, gate, synthesis
from ml.bundle import FAMILIES, PRETRAINED, Bundle, Family
from ml.datasets import LabelledDigits, load_mnist
from ml.evaluation import evaluate
from ml.preprocessing import is_holdout, picture_hash
from ml.runtime import Recogniser
from ml.suspects import suspects

SPOILING_STEPS, BATCH_SIZE = 100, 128
NUM_LESSONS = 60
ONE_POINT = 0.01
NUM_POISONED, NUM_CORRECTIONS, CORRECTIONS_EACH = 100, 500, 50


def candidates(live: Bundle) -> Iterator[tuple[str, Bundle, LabelledDigits]]:
    """Make the bad candidates: what is wrong with it, the version, the corrections it learned."""
    from ml import architectures, export
    from ml.training import fine_tune

    lessons = _lessons()
    yield "the live version itself", live, lessons
    outputs = Recogniser(live).logits(lessons.images[:1]).shape[1]
    untrained = architectures.build(live.card.architecture, outputs)
    yield "untrained", sealed(live, untrained.get_weights()), lessons
    weights = export.from_keras(live.keras).get_weights()
    yield "NaN", sealed(live, [*weights[:-1], np.full_like(weights[-1], np.nan)]), lessons
    for name, spoil in SPOILT.items():
        yield f"MNIST, {name}", _spoilt(live, spoil), lessons
        wrong = LabelledDigits(lessons.images, spoil(lessons.labels))
        yield f"corrections, {name}", fine_tune(live, wrong), wrong
    for label in range(10):
        yield f"recall of {label} one point worse", one_point_worse(live, label), lessons


def _lessons() -> LabelledDigits:
    return synthesis.digits(NUM_LESSONS, np.random.default_rng(7))


Labels = npt.NDArray[np.int64]


def _shuffled(labels: Labels) -> Labels:
    return np.random.default_rng(1).permutation(labels)


def _fours_called_nine(labels: Labels) -> Labels:
    return np.where(labels == 4, 9, labels)


SPOILT: Mapping[str, Callable[[Labels], Labels]] = {
    "labels shuffled": _shuffled,
    "every 4 called 9": _fours_called_nine,
}


def sealed(live: Bundle, weights: Sequence[Any]) -> Bundle:
    """Return the live version with other weights, exported as a candidate is."""
    from ml import export

    model = export.from_keras(live.keras)
    model.set_weights(weights)
    card = dataclasses.replace(live.card, weights_sha256=export.weights_sha256(model))
    return Bundle.sealed(card, export.to_keras(model), export.to_tflite(model))


def _spoilt(live: Bundle, spoil: Callable[[Labels], Labels]) -> Bundle:
    """Train the live version on with wrong labels for MNIST itself."""
    import keras

    from ml import export
    from ml.runtime import to_input

    model = export.from_keras(live.keras)
    digits = load_mnist().train.take(slice(SPOILING_STEPS * BATCH_SIZE))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(to_input(digits.images), spoil(digits.labels), batch_size=BATCH_SIZE, verbose=0)
    return sealed(live, model.get_weights())


def one_point_worse(live: Bundle, label: int) -> Bundle:
    """Return the live version, reluctant to say one label: a point of its recall is lost.

    The point is measured on MNIST's test set, which the gate does not see.
    """
    from ml import export

    model = export.from_keras(live.keras)
    weights = model.get_weights()
    test = load_mnist().test
    logits = Recogniser(live).logits(test.images)[:, :10]
    own = logits[test.labels == label]
    others = np.delete(own, label, axis=1).max(axis=1)
    margins = np.sort((own[:, label] - others)[own[:, label] > others])
    weights[-1][label] -= margins[int(np.ceil(ONE_POINT * len(own))) - 1] + 1e-4
    return sealed(live, weights)


def refusals(family: Family, live: Bundle) -> Table:
    """Return what the gate says of each bad candidate."""
    table = Table("bad candidate", "", "why", title=f"Sabotage of the {family}")
    for name, candidate, accepted in candidates(live):
        report = gate.compare(live, candidate, accepted=accepted)
        verdict = "PROMOTED" if report.passed else "refused"
        table.add_row(name, verdict, report.reasons[0] if report.reasons else "")
        print(f"{family}, {name}: {verdict}", flush=True)
    return table


def honesty(family: Family, shipped: Bundle, seeds: int) -> str:
    """Compare versions that differ by their seed alone, and say how many are refused."""
    from ml.training import FineTuningConfig, fine_tune

    lessons = _lessons()
    live = fine_tune(shipped, lessons, FineTuningConfig(seed=1))
    refused = []
    for seed in range(2, seeds + 2):
        report = gate.compare(live, fine_tune(shipped, lessons, FineTuningConfig(seed=seed)))
        refused += [f"seed {seed}: {report.reasons[0]}"] if report.reasons else []
        print(f"{family}, seed {seed}: {'refused' if report.reasons else 'passed'}", flush=True)
    return f"{family}: {len(refused)} of {seeds} honest candidates refused. {' '.join(refused)}"


def poisoning(family: Family, live: Bundle, ink: Ink) -> Table:
    """Return how a version reads the writers' other digits with and without wrong labels."""
    from ml.training import fine_tune

    honest, picked = _corrections(ink)
    poisoned = honest.labels.copy()
    chosen = np.random.default_rng(3).permutation(len(honest))[:NUM_POISONED]
    wrong_by = np.random.default_rng(4).integers(1, 10, NUM_POISONED)
    poisoned[chosen] = (poisoned[chosen] + wrong_by) % 10
    given = LabelledDigits(honest.images, poisoned)
    judges = [Recogniser(bundle.load(PRETRAINED / one)) for one in FAMILIES]
    found = np.array([one.index for one in suspects(given, judges)], np.int64)
    caught = np.isin(chosen, found).sum()
    taught = {
        "nothing": None,
        "the honest ones alone": honest.take(np.setdiff1d(np.arange(len(honest)), chosen)),
        "all but the suspects": given.take(np.setdiff1d(np.arange(len(honest)), found)),
        "all of them": given,
    }
    title = f"{caught} of {NUM_POISONED} wrong labels and {len(found) - caught} honest suspected"
    table = Table("taught", "others of these writers", "MNIST test", title=f"{family}: {title}")
    rest = np.isin(ink.writers, np.unique(ink.writers[picked]))
    rest[picked] = False
    for name, lessons in taught.items():
        version = live if lessons is None else fine_tune(live, lessons)
        unseen = evaluate(version, ink.digits.take(rest)).accuracy
        mnist = version.card.figures["mnist_test"]["accuracy"]
        table.add_row(name, f"{unseen:.2%}", f"{mnist:.2%}")
        print(f"{family}, taught {name}: {unseen:.2%}", flush=True)
    return table


def _corrections(ink: Ink) -> tuple[LabelledDigits, npt.NDArray[np.int64]]:
    """Return fifty digits of each of ten writers, without those that would be held out."""
    writers = np.unique(ink.writers)[::3][: NUM_CORRECTIONS // CORRECTIONS_EACH]
    generator = np.random.default_rng(2)
    picked = np.concatenate(
        [generator.permutation(np.flatnonzero(ink.writers == one))[:CORRECTIONS_EACH]
         for one in writers]
    )  # fmt: skip
    taught = [not is_holdout(picture_hash(image)) for image in ink.digits.images[picked]]
    return ink.digits.take(picked[taught]), picked


def main(arguments: Sequence[str] | None = None) -> None:
    """Sabotage, be honest, poison, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    data = os.environ.get("INKLING_BENCH_DATA")
    ink = load_ink(Path(data) / "ink-dev.jsonl.gz") if data else None
    console = Console(width=150)
    for family in options.families:
        live = bundle.load(PRETRAINED / family)
        console.print(refusals(family, live))
        if options.seeds:
            console.print(honesty(family, live, options.seeds))
        if ink:
            console.print(poisoning(family, live, ink))


if __name__ == "__main__":
    main()
