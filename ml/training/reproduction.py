"""Networks that others publish, trained as they say, and what came of it beside what they print."""

import dataclasses
import json
import math
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from ml import architectures
from ml.architectures import CATALOGUE, Published
from ml.augmentation import Augmentation, augment
from ml.bundle import write_whole
from ml.datasets import DatasetError, LabelledDigits, published_split
from ml.evaluation import assess
from ml.runtime import softmax, to_input
from ml.training.fitting import Progress, TrainingError, Watch
from ml.training.precision import Precision, computing_in, cpu_lines, in_float32, quickest

BATCH_SIZE = 128
VALIDATION_SHARE = 0.1
LEARNING_RATE = 1e-3
"""Adam's own default, as where the networks are published."""

TURNED_ZOOMED_SHIFTED = Augmentation(
    rotation_degrees=10,
    shear=0,
    scale=0.1,
    shift_pixels=2.8,  # a tenth of the side
    elastic_pixels=0,
    thicker=0,
    thinner=0,
    darker=0,
    fainter=0,
)
"""±10°, ±10 % and ±10 %, as the network with batch norm is published."""

STOP_AFTER_EPOCHS, SLOW_DOWN_AFTER_EPOCHS = 5, 2
"""Epochs without a lower validation loss after which training stops, or halves its rate."""

FIGURES = ("accuracy", "loss", "precision", "recall", "f1")

RESULTS_FILE = "reproduced.json"


@dataclass(frozen=True)
class Reproduction:
    """One network trained as it is published.

    Attributes:
        architecture: a row of the catalogue.
        parameters: how many numbers it holds.
        epochs: rounds that were run; fewer than published if it stopped early or was told so.
        train_size: digits in one round.
        seconds: time that the training took.
        cpu_seconds: processor time of all its cores together, which other work beside it leaves
            as it is.
        figures: accuracy, precision, recall, f1 (0..1) and loss on MNIST's test set.
        precision: what the network computed in while it learned.
        date: day of the training, UTC, ISO 8601.
        machine: what it ran on.
    """

    architecture: str
    parameters: int
    epochs: int
    train_size: int
    seconds: float
    cpu_seconds: float
    figures: Mapping[str, float]
    date: str
    machine: str
    precision: Precision = "float32"


def published_rows() -> tuple[str, ...]:
    """Return the names of the networks that are published, those quick to train first."""
    return tuple(name for name, row in CATALOGUE.items() if row.published)


def reproduce(
    name: str,
    progress: Progress | None = None,
    *,
    epochs: int | None = None,
    train_size: int | None = None,
    seed: int = 1,
) -> Reproduction:
    """Train a network of the catalogue as it is published and have it read MNIST's test set.

    Args:
        name: a row of the catalogue with `published`.
        progress: told about each step.
        epochs: fewer or more rounds than published.
        train_size: only so many of the 60,000, to try it out.
        seed: for the weights, the order and the augmentation.

    Raises:
        UnknownArchitectureError: there is no such row.
        DatasetError: too few digits are left to validate on.
        TrainingError: the row is not a published one, or the loss was not a number.
    """
    recipe = architectures.find(name).published
    if recipe is None:
        raise TrainingError(f"{name} is ours; published are {', '.join(published_rows())}.")
    recipe = dataclasses.replace(recipe, epochs=epochs or recipe.epochs)
    keras.utils.set_random_seed(seed)
    full, test = published_split()
    learned, validation = _parts(full.take(slice(train_size)))
    computed_in = quickest()
    with computing_in(computed_in):
        model = architectures.build(name)
    began, began_cpu = time.monotonic(), time.process_time()
    run = _fit(model, _Batches(learned, recipe.augmented, seed), validation, recipe, progress)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - began_cpu
    return Reproduction(
        architecture=name,
        parameters=model.count_params(),
        epochs=run,
        train_size=len(learned),
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu_seconds, 1),
        figures=_figures(in_float32(model, name), test),
        precision=computed_in,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
    )


def _parts(digits: LabelledDigits) -> tuple[LabelledDigits, LabelledDigits]:
    """Split off the last tenth, as Keras' `validation_split` does."""
    kept = round(len(digits) * (1 - VALIDATION_SHARE))
    if not 0 < kept < len(digits):
        raise DatasetError(f"{len(digits)} digits are too few to learn from and to validate on.")
    return digits.take(slice(kept)), digits.take(slice(kept, None))


class _Batches(keras.utils.PyDataset):
    """Shuffled batches, each seeded by its place in the training."""

    def __init__(self, digits: LabelledDigits, augmented: bool, seed: int) -> None:
        super().__init__()
        self._digits, self._augmented, self._seed = digits, augmented, seed
        self._epoch = -1
        self.on_epoch_begin()

    def on_epoch_begin(self) -> None:
        """Shuffle."""
        self._epoch += 1
        generator = np.random.default_rng((self._seed, self._epoch))
        self._order = generator.permutation(len(self._digits))

    def __len__(self) -> int:
        return math.ceil(len(self._digits) / BATCH_SIZE)

    def __getitem__(self, at: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        batch = self._digits.take(self._order[at * BATCH_SIZE : (at + 1) * BATCH_SIZE])
        pictures = to_input(batch.images)
        if self._augmented:
            generator = np.random.default_rng((self._seed, self._epoch, at))
            pictures = augment(pictures, generator, TURNED_ZOOMED_SHIFTED)
        return pictures, batch.labels


def _fit(
    model: keras.Model,
    batches: _Batches,
    validation: LabelledDigits,
    recipe: Published,
    progress: Progress | None,
) -> int:
    """Train in place; return the number of epochs that were run."""
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    patience = [
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=SLOW_DOWN_AFTER_EPOCHS),
        keras.callbacks.EarlyStopping(patience=STOP_AFTER_EPOCHS, restore_best_weights=True),
    ]
    history = model.fit(
        batches,
        epochs=recipe.epochs,
        validation_data=(to_input(validation.images), validation.labels),
        validation_batch_size=500,
        callbacks=[
            Watch(recipe.epochs * len(batches), progress),
            *(patience if recipe.augmented else ()),
        ],
        verbose=0,
    ).history
    return len(history["loss"])


def _figures(model: keras.Model, test: LabelledDigits) -> dict[str, float]:
    logits = model.predict(to_input(test.images), batch_size=500, verbose=0)
    found = assess(softmax(logits), test.labels, np.zeros(len(test), bool)).figures
    return {name: found[name] for name in FIGURES}


def machine() -> str:
    """Say what this runs on: processor, cores, Python and TensorFlow."""
    names = [line.partition(":")[2].strip() for line in cpu_lines() if line.startswith("model n")]
    processor = names[0] if names else platform.machine()
    cores = len(names) or "some"
    versions = f"Python {platform.python_version()}, TensorFlow {version('tensorflow')}"
    return f"{processor}, {cores} cores, {versions}"


def load_results(folder: Path) -> dict[str, Reproduction]:
    """Return what was reproduced into a folder before, by architecture; nothing if nothing was."""
    file = folder / RESULTS_FILE
    if not file.exists():
        return {}
    rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return {row["architecture"]: Reproduction(**row) for row in rows}


def save_results(results: Iterable[Reproduction], folder: Path) -> Path:
    """Add results to those of a folder, in the catalogue's order; newer ones replace older."""
    known = {**load_results(folder), **{one.architecture: one for one in results}}
    rows = [dataclasses.asdict(known[name]) for name in CATALOGUE if name in known]
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / RESULTS_FILE, (json.dumps(rows, indent=2) + "\n").encode())
    return folder / RESULTS_FILE


HEADINGS = ("network", "weights", "published", "here", "epochs", "CPU s")


def table_rows(results: Iterable[Reproduction]) -> list[tuple[str, ...]]:
    """Return a table row for each result, under `HEADINGS`: published figures beside ours."""
    return [
        (
            one.architecture,
            f"{one.parameters:,}",
            _told(_printed(one.architecture)),
            _told({name: one.figures[name] for name in FIGURES if _compares(one, name)}),
            str(one.epochs),
            f"{one.cpu_seconds:,.0f}",
        )
        for one in results
    ]


def _printed(name: str) -> dict[str, float]:
    """Return the figures that are printed where a network is published."""
    published = architectures.find(name).published
    known = dataclasses.asdict(published) if published else {}
    return {figure: known[figure] for figure in FIGURES if known.get(figure) is not None}


def _compares(one: Reproduction, figure: str) -> bool:
    """Tell whether a figure belongs into the table: accuracy, loss, and what is published."""
    return figure in ("accuracy", "loss") or figure in _printed(one.architecture)


def _told(figures: Mapping[str, float]) -> str:
    """Say figures as they are printed: `99.2 %, loss 0.0255`; a dash where there are none."""
    words = {"accuracy": "", "f1": "F1 "}
    told = [
        f"loss {value:.4f}" if name == "loss" else f"{words.get(name, name + ' ')}{_percent(value)}"
        for name, value in figures.items()
    ]
    return ", ".join(told) or "–"


def _percent(part: float) -> str:
    return f"{round(100 * part, 2):g} %"


def markdown(results: Sequence[Reproduction]) -> str:
    """Return the table as Markdown, as the README has it."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *table_rows(results)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
