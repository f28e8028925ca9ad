"""What a correction is worth: one retraining on some digits of a writer, and their other digits.

    INKLING_BENCH_DATA=DIR .venv/bin/python -m benchmarks.retraining [--start baseline]

For each writer in `ink-dev.jsonl.gz`, some digits are imported into a site of their own as accepted
corrections, one in five of them is held out, and the live versions are taught and judged as `flask
retrain` does it. Then old and new version read the digits of this writer that nobody corrected,
those of all other writers, and MNIST's test set. The site starts with the shipped versions, or with
a baseline: networks of the field's tutorials, trained on MNIST alone as it is, so that a good start
does not leave the test without anything to mend. These versions are thrown away. Every line is kept
in a JSON file as soon as it is known, and a writer who fails does not cost the others' figures.
"""

import argparse
import base64
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from flask import Flask
from rich.console import Console
from rich.table import Table

from benchmarks.recognition import Ink, load_ink
from ml import bundle
from ml.bundle import FAMILIES, Bundle, BundleError, Family
from ml.images import to_png
from ml.runtime import Recogniser

if TYPE_CHECKING:
    from webapp.retraining import Lessons

log = logging.getLogger(__name__)

NUM_WRITERS = 10
EVERY_THIRD = slice(0, None, 3)
"""The ten of thirty that are counted; settings were chosen on the writers between them."""

MANY_ERRORS = 5
"""Writers with at least so many digits read wrong before are listed one by one."""

BASELINE = Path(tempfile.gettempdir()) / "inkling-baseline"
BASELINE_NETWORKS: Mapping[Family, str] = {"cnn": "cnn-32-64", "dnn": "dnn-128-64"}
BASELINE_EPOCHS = 4


@dataclass(frozen=True)
class Outcome:
    """What one retraining of one family changed; digits are counts, accuracies 0..1.

    Attributes:
        writer: whose digits were taught.
        family: `cnn` or `dnn`.
        taught, held_out, suspected: what became of the imported corrections.
        unseen: the writer's other digits.
        before, after: how many of these are read wrong.
        mnist_loss: accuracy on MNIST's test set, before minus after.
        others_loss: accuracy on the other writers, before minus after.
        passed: whether the gate let it through; None if it was not asked.
        seconds, cpu_seconds: of learning, by the clock and of all cores together.
    """

    writer: str
    family: Family
    taught: int
    held_out: int
    suspected: int
    unseen: int
    before: int
    after: int
    mnist_loss: float
    others_loss: float
    passed: bool | None
    seconds: float
    cpu_seconds: float


def baseline() -> dict[Family, Bundle]:
    """Return the plain networks, trained once and kept in the folder for temporary files."""
    try:
        return {family: bundle.load(BASELINE / family) for family in FAMILIES}
    except BundleError:
        made = {family: _plainly_trained(family) for family in FAMILIES}
    for family, one in made.items():
        bundle.save(one, BASELINE / family)
    return made


def _plainly_trained(family: Family) -> Bundle:
    import keras

    from ml import architectures
    from ml.datasets import load_mnist
    from ml.runtime import to_input
    from ml.training import TrainingConfig, version
    from ml.training.sealing import Draft

    name = BASELINE_NETWORKS[family]
    config = TrainingConfig(family, name, BASELINE_EPOCHS, synthetic=0, non_digits=0)
    keras.utils.set_random_seed(config.seed)
    model, mnist = architectures.build(name), load_mnist()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    pictures, labels = to_input(mnist.train.images), mnist.train.labels
    model.fit(pictures, labels, batch_size=config.batch_size, epochs=config.epochs, verbose=0)
    return version(model, Draft(family, name, config, history={}, data={}), mnist)


def prepared_site(folder: Path, start: Mapping[Family, Bundle] | None) -> None:
    """Make an instance folder as `flask prepare` does, with other live versions if given."""
    from webapp.db import begin_write, db
    from webapp.models import ModelVersion, Promotion

    app = _site(folder)
    _call(app, "prepare")
    if start:
        with app.app_context():
            begin_write()
            versions = [ModelVersion.add(one, origin="train") for one in start.values()]
            Promotion.promote(versions, by="benchmark", reason="A plain start.")
            db.session.commit()
    _close(app)


def _site(folder: Path) -> Flask:
    from webapp import create_app

    os.environ["INKLING_INSTANCE"] = str(folder)
    return create_app()


def _call(app: Flask, *arguments: str) -> None:
    result = app.test_cli_runner().invoke(args=arguments, catch_exceptions=False)
    if result.exit_code:
        raise RuntimeError(result.output)


def _close(app: Flask) -> None:
    from webapp.db import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def chosen(ink: Ink, writer: str, count: int) -> npt.NDArray[np.int64]:
    """Return which of a writer's digits are corrected: so many at random, the same each time."""
    own = np.flatnonzero(ink.writers == writer)
    seed = int.from_bytes(writer.encode()[-4:], "big")
    return np.asarray(np.random.default_rng(seed).permutation(own)[:count])


def retrained(folder: Path, ink: Ink, writer: str, options: argparse.Namespace) -> list[Outcome]:
    """Import a writer's digits into a site, learn and judge as its retraining does, and count."""
    from webapp import retraining
    from webapp.models import Promotion

    picked = chosen(ink, writer, options.digits)
    app = _site(folder)
    file = folder / "corrections.jsonl"
    file.write_text(_lines(ink, picked))
    _call(app, "corrections", "import", str(file))
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        live = retraining.live_bundles(current)
        lessons = retraining.gather()
    _close(app)
    return [
        _taught(live[family], lessons, ink, writer, picked, gated=options.gate)
        for family in options.families
    ]


def _taught(
    live: Bundle,
    lessons: "Lessons",
    ink: Ink,
    writer: str,
    picked: npt.NDArray[np.int64],
    *,
    gated: bool,
) -> Outcome:
    from ml import gate, training

    began, began_cpu = time.monotonic(), time.process_time()
    candidate = training.fine_tune(live, lessons.taught, weights=lessons.weights)
    seconds, cpu_seconds = time.monotonic() - began, time.process_time() - began_cpu
    sets = {"accepted": lessons.taught, "held_out": lessons.held_out}
    report = gate.compare(live, candidate, **sets) if gated else None
    for reason in report.reasons if report else ():
        print(f"{writer}, {live.card.family}: {reason}", flush=True)
    return Outcome(
        writer=writer,
        family=live.card.family,
        taught=len(lessons.taught),
        held_out=len(lessons.held_out),
        suspected=len(lessons.suspects),
        passed=report.passed if report else None,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        **_counted(live, candidate, ink, writer, picked),
    )


def _lines(ink: Ink, picked: npt.NDArray[np.int64]) -> str:
    digits = ink.digits.take(picked)
    return "\n".join(
        json.dumps({"image": base64.b64encode(to_png(image)).decode(), "label": int(label)})
        for image, label in zip(digits.images, digits.labels, strict=True)
    )


def _counted(
    live: Bundle, candidate: Bundle, ink: Ink, writer: str, picked: npt.NDArray[np.int64]
) -> dict[str, Any]:
    own = ink.writers == writer
    unseen = own.copy()
    unseen[picked] = False
    wrong = [_misread(live, ink), _misread(candidate, ink)]
    before, after = (int(one[unseen].sum()) for one in wrong)
    others = [float(one[~own].mean()) for one in wrong]
    mnist = [one.card.figures["mnist_test"]["accuracy"] for one in (live, candidate)]
    return {
        "unseen": int(unseen.sum()),
        "before": before,
        "after": after,
        "mnist_loss": mnist[0] - mnist[1],
        "others_loss": others[1] - others[0],
    }


def _misread(version: Bundle, ink: Ink) -> npt.NDArray[np.bool_]:
    """Tell which digits a version reads wrong; the live one is asked once for all writers."""
    name = version.card.weights_sha256
    if name not in _MISREAD:
        outputs = Recogniser(version).recognise(ink.digits.images)
        _MISREAD[name] = outputs.probabilities.argmax(axis=1) != ink.digits.labels
    return _MISREAD[name]


_MISREAD: dict[str, npt.NDArray[np.bool_]] = {}


def timed(folder: Path) -> float:
    """Return the seconds that `flask retrain` takes for both families, all of it.

    What it prints says how long each part took.
    """
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "flask", "retrain"], env=_environment(folder), check=True)
    return time.monotonic() - began


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "INKLING_INSTANCE": str(folder), "FLASK_APP": "wsgi.py"}


def summary(outcomes: Sequence[Outcome], start: str, digits: int) -> Table:
    """Return the figures of the issue by family, then the writers who had much to mend."""
    title = f"One retraining on {digits} digits of one writer, from the {start} versions"
    table = Table(
        "writer", "model", "read wrong", "change", "MNIST loss", "others' loss", "passed", "time",
        title=title,
    )  # fmt: skip
    for family in dict.fromkeys(one.family for one in outcomes):
        of_family = [one for one in outcomes if one.family == family]
        _add(table, f"all {len(of_family)}", of_family)
        for one in of_family:
            if one.before >= MANY_ERRORS:
                _add(table, one.writer, [one])
        table.add_section()
    return table


def _add(table: Table, name: str, outcomes: Sequence[Outcome]) -> None:
    before, after = (sum(getattr(one, at) for one in outcomes) for at in ("before", "after"))
    change = f"{(after - before) / before:+.0%}" if before else "–"
    table.add_row(
        name,
        outcomes[0].family,
        f"{before} → {after} of {sum(one.unseen for one in outcomes):,}",
        change,
        f"{100 * max(one.mnist_loss for one in outcomes):.2f} points at worst",
        f"{100 * float(np.median([one.others_loss for one in outcomes])):.2f} at the median",
        f"{sum(bool(one.passed) for one in outcomes)} of {len(outcomes)}",
        f"{np.median([one.seconds for one in outcomes]):.0f} s"
        f" ({np.median([one.cpu_seconds for one in outcomes]):.0f} s of processor)",
    )


def _writers(ink: Ink, wanted: str) -> list[str]:
    names = [str(name) for name in np.unique(ink.writers)]
    if not wanted.isdigit():
        return [name for name in names if name in wanted.split(",")]
    return (names[EVERY_THIRD] + [name for name in names if name not in names[EVERY_THIRD]])[
        : int(wanted)
    ]


def _keep(file: Path, outcomes: Sequence[Outcome], **others: Any) -> None:
    rows = [asdict(one) for one in outcomes]
    file.write_text(json.dumps({"outcomes": rows, **others}, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Retrain for one writer after the other, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--start", choices=("shipped", "baseline"), default="shipped")
    parser.add_argument("--digits", type=int, default=40, help="corrections of each writer")
    parser.add_argument("--writers", default=str(NUM_WRITERS), help="how many, or names")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--no-gate", dest="gate", action="store_false", help="learn only: quicker")
    parser.add_argument("--time", action="store_true", help="time a whole flask retrain as well")
    parser.add_argument("--json", type=Path, help="the file that the figures are kept in")
    options = parser.parse_args(arguments)
    data = os.environ.get("INKLING_BENCH_DATA")
    if not data:
        parser.error("INKLING_BENCH_DATA must name the folder with ink-dev.jsonl.gz.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    name = f"inkling-retraining-{options.start}-{options.digits}.json"
    options.json = options.json or Path(tempfile.gettempdir()) / name
    with tempfile.TemporaryDirectory(prefix="inkling-retraining-") as folder:
        measure(Path(folder), load_ink(Path(data) / "ink-dev.jsonl.gz"), options)
    print(f"Kept in {options.json}.")


def measure(folder: Path, ink: Ink, options: argparse.Namespace) -> None:
    """Retrain for each writer in a copy of one site, and print what came of it."""
    site = folder / "site"
    prepared_site(site, baseline() if options.start == "baseline" else None)
    outcomes: list[Outcome] = []
    failed: dict[str, str] = {}
    copy = site
    for writer in _writers(ink, options.writers):
        copy = Path(shutil.copytree(site, folder / writer))
        try:
            found = retrained(copy, ink, writer, options)
        except Exception as error:
            # Whatever it is, it is this writer's: the others' figures took long to make.
            log.exception("No figures of %s", writer)
            failed[writer] = repr(error)
            continue
        for one in found:
            mnist = f"MNIST {-100 * one.mnist_loss:+.2f} points"
            print(f"{writer}, {one.family}: {one.before} → {one.after}, {mnist}", flush=True)
        outcomes += found
        _keep(options.json, outcomes, failed=failed)
    Console(width=150).print(summary(outcomes, options.start, options.digits))
    if options.time:
        seconds = timed(copy)
        print(f"flask retrain, both families: {seconds:.0f} s", flush=True)
        _keep(options.json, outcomes, failed=failed, seconds_of_flask_retrain=seconds)
    if failed:
        raise SystemExit(f"No figures of {', '.join(failed)}.")


if __name__ == "__main__":
    main()
