"""Does the gate keep bad versions out and let honest ones in?

    .venv/bin/python -m benchmarks.sabotage [--families dnn cnn] [--seeds 20]
        [--only bad honest poison] [--keep FOLDER]

Each bad candidate is made from the live version, as a mistake or malice would make it. The honest
ones learned the same lessons in the same way from another seed, and are compared with one of them.
With INKLING_BENCH_DATA, a hundred wrong labels are laid among four hundred honest ones as well:
what is learned without the suspects is compared with what the honest ones alone teach. Everything
is kept in a JSON file as soon as it is known; with --keep the candidates are kept as well, so that
another gate judges the same ones without teaching them again.
"""

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from ml.evaluation import evaluate, mcnemar
from ml.preprocessing import is_holdout, picture_hash
from ml.runtime import Recogniser
from ml.suspects import suspects

SPOILING_STEPS, BATCH_SIZE = 100, 128
NUM_LESSONS = 60
ONE_POINT = 0.01
KINDS = ("bad", "honest", "poison")
JSON_FILE = "inkling-sabotage.json"
NUM_POISONED, NUM_CORRECTIONS, CORRECTIONS_EACH = 100, 500, 50


def candidates(live: Bundle, shelf: "Shelf") -> Iterator[tuple[str, Bundle, LabelledDigits]]:
    """Make the bad candidates: what is wrong with it, the version, the corrections it learned."""
    lessons = _lessons()
    yield "the live version itself", live, lessons
    yield "untrained", _untrained(live), lessons
    yield "NaN", _not_a_number(live), lessons
    for name, spoil in SPOILT.items():
        spoilt = f"MNIST, {name}"
        yield spoilt, shelf.get(spoilt, live, partial(_spoilt, live, spoil)), lessons
        wrong = LabelledDigits(lessons.images, spoil(lessons.labels))
        spoilt = f"corrections, {name}"
        yield spoilt, shelf.get(spoilt, live, partial(_taught, live, wrong)), wrong
    for label in range(10):
        yield f"recall of {label} one point worse", one_point_worse(live, label), lessons


@dataclass(frozen=True)
class Shelf:
    """A folder in which candidates that take long are kept; None keeps nothing."""

    folder: Path | None

    def get(self, name: str, live: Bundle, make: Callable[[], Bundle]) -> Bundle:
        """Return what was made of a live version before, or make it now and keep it."""
        if self.folder is None:
            return make()
        kept = self.folder / live.card.weights_sha256[:12] / name.replace(" ", "-")
        if not kept.exists():
            bundle.save(make(), kept)
        return bundle.load(kept)


def _untrained(live: Bundle) -> Bundle:
    from ml import architectures

    outputs = Recogniser(live).logits(_lessons().images[:1]).shape[1]
    return sealed(live, architectures.build(live.card.architecture, outputs).get_weights())


def _not_a_number(live: Bundle) -> Bundle:
    from ml import export

    weights = export.from_keras(live.keras).get_weights()
    return sealed(live, [*weights[:-1], np.full_like(weights[-1], np.nan)])


def _taught(live: Bundle, lessons: LabelledDigits, seed: int = 1) -> Bundle:
    from ml.training import FineTuningConfig, fine_tune

    return fine_tune(live, lessons, FineTuningConfig(seed=seed))


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


def one_point_worse(live: Bundle, label: int, digits: LabelledDigits | None = None) -> Bundle:
    """Return the live version, reluctant to say one label: a point of its recall is lost.

    Args:
        live: where to start from.
        label: 0..9.
        digits: what the point is measured on; None is MNIST's test set, which the gate does not
            see.
    """
    from ml import export

    model = export.from_keras(live.keras)
    weights = model.get_weights()
    measured = digits or load_mnist().test
    logits = Recogniser(live).logits(measured.images)[:, :10]
    own = logits[measured.labels == label]
    others = np.delete(own, label, axis=1).max(axis=1)
    margins = np.sort((own[:, label] - others)[own[:, label] > others])
    weights[-1][label] -= margins[int(np.ceil(ONE_POINT * len(own))) - 1] + 1e-4
    return sealed(live, weights)


@dataclass(frozen=True)
class Verdict:
    """What the gate said of one candidate.

    Attributes:
        candidate: what is wrong with it, or its seed.
        promoted: whether it may go live.
        why: the gate's reasons.
    """

    candidate: str
    promoted: bool
    why: tuple[str, ...]


def refusals(family: Family, live: Bundle, shelf: Shelf) -> list[Verdict]:
    """Return what the gate says of each bad candidate."""
    return [
        _judged(family, name, live, candidate, accepted)
        for name, candidate, accepted in candidates(live, shelf)
    ]


def honesty(family: Family, shipped: Bundle, seeds: int, shelf: Shelf) -> list[Verdict]:
    """Compare versions that differ by their seed alone, and return what the gate says."""
    lessons = _lessons()
    live, *others = (
        shelf.get(f"seed {seed}", shipped, partial(_taught, shipped, lessons, seed))
        for seed in range(1, seeds + 2)
    )
    return [
        _judged(family, f"seed {seed}", live, other) for seed, other in enumerate(others, start=2)
    ]


def _judged(
    family: Family,
    name: str,
    live: Bundle,
    candidate: Bundle,
    accepted: LabelledDigits | None = None,
) -> Verdict:
    report = gate.compare(live, candidate, accepted=accepted)
    print(f"{family}, {name}: {'promoted' if report.passed else 'refused'}", flush=True)
    return Verdict(name, report.passed, report.reasons)


def verdicts_table(title: str, verdicts: Sequence[Verdict]) -> Table:
    """Return what the gate said, and in the title how often it refused."""
    refused = sum(not one.promoted for one in verdicts)
    title = f"{title}: {refused} of {len(verdicts)} refused"
    table = Table("candidate", "", "why", title=title)
    for one in verdicts:
        table.add_row(one.candidate, "promoted" if one.promoted else "refused", *one.why[:1])
    return table


@dataclass(frozen=True)
class Taught:
    """What a version reads after it was taught honest and wrong labels.

    Attributes:
        lessons: what it was taught.
        unseen, mnist: accuracy on the same writers' other digits and on MNIST's test set, 0..1.
        gained, lost: unseen digits that only this version, or only the one that was taught the
            honest labels alone, reads right.
        worse: one-sided p-value of being worse than that (McNemar, exact).
    """

    lessons: str
    unseen: float
    mnist: float
    gained: int
    lost: int
    worse: float


@dataclass(frozen=True)
class Poisoning:
    """How many wrong and honest labels were suspected, and what was learned from the others."""

    wrong: int
    wrong_suspected: int
    honest: int
    honest_suspected: int
    taught: tuple[Taught, ...]


HONEST = "the honest ones alone"


def poisoning(family: Family, live: Bundle, ink: Ink) -> Poisoning:
    """Return how a version reads the writers' other digits with and without wrong labels."""
    from ml.training import fine_tune

    honest, picked = _corrections(ink)
    given, chosen = _poisoned(honest)
    judges = [Recogniser(bundle.load(PRETRAINED / one)) for one in FAMILIES]
    found = np.array([one.index for one in suspects(given, judges)], np.int64)
    caught = int(np.isin(chosen, found).sum())
    everything = np.arange(len(honest))
    lessons = {
        HONEST: honest.take(np.setdiff1d(everything, chosen)),
        "all but the suspects": given.take(np.setdiff1d(everything, found)),
        "all of them": given,
    }
    versions = {"nothing": live} | {name: fine_tune(live, one) for name, one in lessons.items()}
    unseen = np.isin(ink.writers, np.unique(ink.writers[picked]))
    unseen[picked] = False
    taught = _compared(versions, ink.digits.take(unseen))
    num_honest = len(honest) - len(chosen)
    return Poisoning(len(chosen), caught, num_honest, len(found) - caught, taught)


def _poisoned(honest: LabelledDigits) -> tuple[LabelledDigits, npt.NDArray[np.int64]]:
    """Return the digits with some wrong labels, and which are wrong."""
    labels = honest.labels.copy()
    chosen = np.random.default_rng(3).permutation(len(honest))[:NUM_POISONED]
    wrong_by = np.random.default_rng(4).integers(1, 10, NUM_POISONED)
    labels[chosen] = (labels[chosen] + wrong_by) % 10
    return LabelledDigits(honest.images, labels), chosen


def _compared(versions: Mapping[str, Bundle], unseen: LabelledDigits) -> tuple[Taught, ...]:
    hits = {
        name: evaluate(version, unseen).predictions == unseen.labels
        for name, version in versions.items()
    }
    tests = {name: mcnemar(hits[HONEST], one) for name, one in hits.items()}
    return tuple(
        Taught(
            name,
            unseen=float(hits[name].mean()),
            mnist=version.card.figures["mnist_test"]["accuracy"],
            gained=tests[name].gained,
            lost=tests[name].lost,
            worse=tests[name].worse,
        )
        for name, version in versions.items()
    )


def poisoning_table(family: Family, found: Poisoning) -> Table:
    """Return what came of the wrong labels, beside the honest ones alone."""
    title = (
        f"{family}: {found.wrong_suspected} of {found.wrong} wrong labels and "
        f"{found.honest_suspected} of {found.honest} honest ones suspected"
    )
    table = Table(
        "taught", "others of these writers", "gained, lost", "worse by chance", "MNIST test",
        title=title,
    )  # fmt: skip
    for one in found.taught:
        sides = f"+{one.gained} −{one.lost}", f"p = {one.worse:.2f}"
        table.add_row(one.lessons, f"{one.unseen:.2%}", *sides, f"{one.mnist:.2%}")
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
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path, default=Path(tempfile.gettempdir()) / JSON_FILE)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    data = os.environ.get("INKLING_BENCH_DATA")
    ink = load_ink(Path(data) / "ink-dev.jsonl.gz") if data and "poison" in options.only else None
    kept: dict[str, Any] = {}
    for family in options.families:
        for kind, table, figures in _measured(family, ink, options):
            Console(width=150).print(table)
            kept[f"{family}, {kind}"] = figures
            options.json.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"Kept in {options.json}.")


def _measured(
    family: Family, ink: Ink | None, options: argparse.Namespace
) -> Iterator[tuple[str, Table, Any]]:
    """Give each table as soon as it is made, and its figures for the JSON file."""
    live, shelf = bundle.load(PRETRAINED / family), Shelf(options.keep)
    if "bad" in options.only:
        verdicts = refusals(family, live, shelf)
        table = verdicts_table(f"Bad candidates of the {family}", verdicts)
        yield "bad", table, [dataclasses.asdict(one) for one in verdicts]
    if "honest" in options.only:
        verdicts = honesty(family, live, options.seeds, shelf)
        table = verdicts_table(f"The {family} from other seeds", verdicts)
        yield "honest", table, [dataclasses.asdict(one) for one in verdicts]
    if ink:
        found = poisoning(family, live, ink)
        yield "poison", poisoning_table(family, found), dataclasses.asdict(found)


if __name__ == "__main__":
    main()
