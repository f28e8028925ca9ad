"""What each form of the shipped versions costs and how well it reads.

    .venv/bin/python -m benchmarks.exports [--models DIR]

Every form answers MNIST's 10,000 test digits; LiteRT and ONNX also one digit at a time on one core.
ONNX takes the packages of requirements-export.txt.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ml import bundle, export
from ml.bundle import FAMILIES, FORMATS, PRETRAINED, Bundle, Format
from ml.datasets import NUM_DIGITS, load_mnist
from ml.export import Logits
from ml.runtime import to_input

TIMED_CALLS = 2_000
ROUND = 500
"""Digits that are answered at once where accuracy counts."""


@dataclass(frozen=True)
class Measured:
    """One form of one version.

    Attributes:
        num_bytes: size of its file.
        seconds_to_make: converting and checking.
        milliseconds: median time of one digit on one core, None where nothing serves with it.
        accuracy: part of MNIST's test set read right.
        difference: the largest difference of any logit from Keras', on 1,000 digits.
    """

    num_bytes: int
    seconds_to_make: float
    milliseconds: float | None
    accuracy: float
    difference: float


def measure(version: Bundle, form: Format) -> Measured:
    """Make a version's form anew and read with it."""
    began = time.process_time()
    model = export.from_keras(version.keras)
    content = export.converted(model, form)
    difference = export.check(model, form, content)
    seconds = time.process_time() - began
    return Measured(
        len(content), seconds, _milliseconds(form, content), _accuracy(form, content), difference
    )


def _accuracy(form: Format, content: bytes) -> float:
    test = load_mnist().test
    pictures = to_input(test.images)
    rounds = (pictures[start : start + ROUND] for start in range(0, len(pictures), ROUND))
    logits = np.concatenate([export.answers(form, content, part) for part in rounds])
    return float((logits[:, :NUM_DIGITS].argmax(axis=1) == test.labels).mean())


def _milliseconds(form: Format, content: bytes) -> float | None:
    """Return the median time of one call with one digit."""
    if form not in ("litert", "int8", "onnx"):
        return None
    ask = _onnx(content) if form == "onnx" else _litert(content)
    pictures = to_input(load_mnist().test.images[:TIMED_CALLS])
    times = []
    for picture in pictures:
        began = time.perf_counter()
        ask(picture[None])
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3


def _litert(content: bytes) -> Callable[[Logits], object]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    index = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]

    def ask(picture: Logits) -> object:
        interpreter.set_tensor(index, picture)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return ask


def _onnx(content: bytes) -> Callable[[Logits], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda picture: session.run(None, {session.get_inputs()[0].name: picture})


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=PRETRAINED)
    options = parser.parse_args(arguments)
    table = Table("family", "form", "bytes", "made in, CPU s", "one digit", "MNIST test", "off by")
    forms = [form for form in FORMATS if form != "onnx" or not export.missing_packages()]
    for family in FAMILIES:
        version = bundle.load(options.models / family)
        for form in forms:
            found = measure(version, form)
            table.add_row(
                family,
                form,
                f"{found.num_bytes:,}",
                f"{found.seconds_to_make:.1f}",
                f"{found.milliseconds:.3f} ms" if found.milliseconds else "",
                f"{found.accuracy:.2%}",
                f"{found.difference:.2g}",
            )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
