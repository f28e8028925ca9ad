"""What a version gets besides weights and a card: plots, other forms, and figures in detail."""

import dataclasses
import time
from collections.abc import Mapping

import numpy as np

from ml import export, plots, synthesis
from ml.bundle import INT8_FILE, TFLITE_FILE, Bundle
from ml.datasets import LabelledDigits, load_mnist
from ml.evaluation import evaluate
from ml.runtime import Recogniser
from ml.training.fitting import Progress, tell

STYLE_DIGITS, STYLE_SEED = 20, 70_001
"""So many digits of each style are read; no training draws with this seed."""

TIMED_DIGITS = 300


def finish(bundle: Bundle, progress: Progress | None = None) -> Bundle:
    """Return a trained version with everything that is made once and then kept with it.

    Plots and readings of MNIST's test set, figures of each style, the forms for use elsewhere,
    and what each of them costs. A version that has all of it comes out with the same files.
    """
    digits = load_mnist().test
    tell(progress, "evaluating", 0, 3)
    results = plots.results_of(bundle, digits)
    drawn = dataclasses.replace(bundle, plots=plots.plot_all(results))
    tell(progress, "converting", 1, 3)
    whole = export.with_exports(drawn)
    tell(progress, "measuring", 2, 3)
    card = dataclasses.replace(
        whole.card,
        figures={**whole.card.figures, **_int8_figures(whole, digits)},
        readings={"mnist_test": results.evaluation.readings},
        styles=style_figures(whole),
        costs=_costs(whole, digits),
    )
    tell(progress, "measuring", 3, 3)
    return dataclasses.replace(whole, card=card)


def _int8_figures(bundle: Bundle, digits: LabelledDigits) -> Mapping[str, Mapping[str, float]]:
    """Return how the int8 form reads, under the temperature and the threshold of the version."""
    if INT8_FILE not in bundle.exports:
        return {}
    return {"mnist_test_in_int8": evaluate(_in_int8(bundle), digits).figures}


def _in_int8(bundle: Bundle) -> Recogniser:
    return Recogniser(dataclasses.replace(bundle, tflite=bundle.exports[INT8_FILE]))


def style_figures(bundle: Bundle) -> dict[str, dict[str, float]]:
    """Return of each style of the synthetic writer the part read right and the part refused."""
    recogniser = Recogniser(bundle)
    styles = synthesis.styled(STYLE_DIGITS, np.random.default_rng(STYLE_SEED))
    found = {style: evaluate(recogniser, digits) for style, digits in styles.items()}
    return {
        style: {"accuracy": one.accuracy, "refused": one.refused} for style, one in found.items()
    }


def _costs(bundle: Bundle, digits: LabelledDigits) -> dict[str, dict[str, float]]:
    """Return the size of each file, and the time of one digit where LiteRT reads with it."""
    costs = {name: {"bytes": float(len(content))} for name, content in bundle.files.items()}
    readers = {TFLITE_FILE: Recogniser(bundle)}
    if INT8_FILE in bundle.exports:
        readers[INT8_FILE] = _in_int8(bundle)
    for name, reader in readers.items():
        costs[name]["milliseconds"] = round(_median_milliseconds(reader, digits), 4)
    return costs


def _median_milliseconds(reader: Recogniser, digits: LabelledDigits) -> float:
    """Count the thread's own processor time, whatever else runs on the machine meanwhile."""
    times = []
    for at in range(TIMED_DIGITS):
        picture = digits.images[at : at + 1]
        began = time.thread_time()
        reader.logits(picture)
        times.append(time.thread_time() - began)
    return float(np.median(times)) * 1e3
