"""A model version as files: `model.keras`, `model.tflite`, `card.json`, and forms for elsewhere."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

Family = Literal["cnn", "dnn"]
FAMILIES: tuple[Family, ...] = get_args(Family)

KERAS_FILE = "model.keras"
TFLITE_FILE = "model.tflite"
INT8_FILE = "model-int8.tflite"
ONNX_FILE = "model.onnx"
SAVED_MODEL_FILE = "saved-model.zip"
CARD_FILE = "card.json"
PLOTS_FOLDER = "plots"

Format = Literal["keras", "litert", "int8", "onnx", "saved-model"]
FORMATS: Mapping[Format, str] = {
    "keras": KERAS_FILE,
    "litert": TFLITE_FILE,
    "int8": INT8_FILE,
    "onnx": ONNX_FILE,
    "saved-model": SAVED_MODEL_FILE,
}
"""The forms of a version, and the file that holds each."""

EXPORT_FILES = (INT8_FILE, ONNX_FILE, SAVED_MODEL_FILE)
"""Forms for use elsewhere: nothing here reads with them, and a version may lack them."""

PRETRAINED = Path(__file__).parent / "pretrained"
"""The versions a new installation starts with, one folder a family."""


class BundleError(ValueError):
    """A bundle is missing, incomplete or not what its card says."""


@dataclass(frozen=True)
class Refusal:
    """How ink that is no digit is told apart.

    Attributes:
        method: `energy` (−logsumexp of the ten logits, W. Liu et al., "Energy-based
            Out-of-distribution Detection", 2020) or `eleventh-output` (probability of the
            network's own class for what is no digit).
        threshold: a score above it is refused.
    """

    method: Literal["energy", "eleventh-output"]
    threshold: float


@dataclass(frozen=True)
class Card:
    """What is known of a model version; saved beside the weights as JSON."""

    family: Family
    architecture: str
    parameters: int
    preprocessing_version: int
    temperature: float
    refusal: Refusal
    unsure_below: float
    """An answer with less confidence keeps its label but is shown as unsure."""
    answer: Literal["mean", "cnn"]
    """Whether a digit's label comes from both models' mean probabilities or from the cnn alone."""
    created_at: str
    """UTC, ISO 8601."""
    seed: int
    packages: Mapping[str, str]
    data: Mapping[str, Any]
    configuration: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, float]]
    """Set name (`mnist_test`, `validation`, …) → measure (`accuracy`, `loss`, `ece`, …) → value."""
    history: Mapping[str, Any]
    weights_sha256: str
    """Hash over the arrays; a `.keras` file differs from one saving to the next."""
    parent: str | None = None
    learned_from: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """File name → SHA-256 in hex."""
    readings: Mapping[str, Any] = field(default_factory=dict)
    """Set name → `confusion`, ten rows of counts, true label by label read, and `mistakes`, each
    [place in the set, true label, label read]: two versions are compared by it."""
    styles: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Style of the synthetic writer, such as `7 barred` → `accuracy` and `refused`, 0..1."""
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """File name → `bytes`, and `milliseconds` for one digit on one core of the machine that made
    the version, where we can read with it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the card as values that JSON knows."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Card":
        """Return the card that `to_dict` gave; raise BundleError if it is none."""
        try:
            return cls(**{**values, "refusal": Refusal(**values["refusal"])})
        except (TypeError, KeyError) as error:
            raise BundleError(f"The card cannot be read: {error}.") from error

    def to_json(self) -> str:
        """Return the card as indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Card":
        """Read a card; raise BundleError if it is not one."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise BundleError(f"The card cannot be read: {error}.") from error


@dataclass(frozen=True)
class Bundle:
    """One model version in memory; `card.files` holds the hashes of its files."""

    card: Card
    keras: bytes
    tflite: bytes
    plots: Mapping[str, bytes] = field(default_factory=dict)
    """File name → PNG; figures of its evaluation, drawn when the version is made."""
    exports: Mapping[str, bytes] = field(default_factory=dict)
    """File name, one of `EXPORT_FILES` → bytes; `ml.export` makes them when the version is made."""

    @classmethod
    def sealed(cls, card: Card, keras: bytes, tflite: bytes) -> "Bundle":
        """Make a bundle and write the hashes of its files into its card."""
        files = {KERAS_FILE: sha256(keras), TFLITE_FILE: sha256(tflite)}
        return cls(dataclasses.replace(card, files=files), keras, tflite)

    def with_exports(self, exports: Mapping[str, bytes]) -> "Bundle":
        """Return the version together with more forms of itself, their hashes in its card."""
        hashes = {name: sha256(content) for name, content in exports.items()}
        card = dataclasses.replace(self.card, files={**self.card.files, **hashes})
        return dataclasses.replace(self, card=card, exports={**self.exports, **exports})

    @property
    def files(self) -> dict[str, bytes]:
        """The files that the card names, by their names."""
        return {KERAS_FILE: self.keras, TFLITE_FILE: self.tflite, **self.exports}

    def check(self) -> None:
        """Raise BundleError unless all files are there and are the ones that the card names."""
        files = self.files
        for name in {**self.card.files, **files}:
            if name not in files:
                raise BundleError(f"This {self.card.family} has lost its {name}.")
            if sha256(files[name]) != self.card.files.get(name):
                raise BundleError(
                    f"{name} of this {self.card.family} is damaged: its SHA-256 is "
                    f"{sha256(files[name])[:12]}…, the card says {self.card.files.get(name)}."
                )


def outside_name(version: str, file: str) -> str:
    """Return what a file of a version is called outside of it.

    >>> outside_name("cnn-7", "model-int8.tflite"), outside_name("cnn-7", "saved-model.zip")
    ('cnn-7-int8.tflite', 'cnn-7-saved-model.zip')
    """
    rest = file.removeprefix("model").removeprefix("card")
    return f"{version}-{rest}" if rest == file else f"{version}{rest}"


def sha256(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all; an older one stays until then.

    Raises:
        OSError: the disk is full, say; nothing is left of the attempt.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as fresh:
            fresh.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def load(folder: Path) -> Bundle:
    """Read a bundle from its folder and check it.

    Raises:
        BundleError: a file is missing, or is not the one that the card names.
    """
    try:
        card = Card.from_json((folder / CARD_FILE).read_text("utf-8"))
        keras, tflite = (folder / KERAS_FILE).read_bytes(), (folder / TFLITE_FILE).read_bytes()
        named = [name for name in EXPORT_FILES if name in card.files]
        exports = {name: (folder / name).read_bytes() for name in named}
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"No complete model in {folder}: {error}.") from error
    plots = {file.name: file.read_bytes() for file in (folder / PLOTS_FOLDER).glob("*.png")}
    bundle = Bundle(card, keras, tflite, plots, exports)
    bundle.check()
    return bundle


def save(bundle: Bundle, folder: Path) -> None:
    """Write a bundle as a folder that appears whole or not at all; an older one is replaced."""
    plots = {f"{PLOTS_FOLDER}/{name}": content for name, content in bundle.plots.items()}
    card = bundle.card.to_json().encode()
    write_folder({**bundle.files, **plots, CARD_FILE: card}, folder)


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files, by their paths, as a folder that appears whole or not at all.

    Raises:
        OSError: the disk is full, say; an older folder of that name stays as it is.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    replaced = folder.with_name(f".{folder.name}-replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    try:
        fresh.chmod(0o755)
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            (fresh / name).write_bytes(content)
        if folder.exists():
            folder.rename(replaced)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)
