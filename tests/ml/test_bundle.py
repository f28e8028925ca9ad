"""A model version as files: whole, checked, replaced at once or not at all."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ml import bundle
from ml.bundle import Bundle, BundleError, Card

WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from ml.bundle import write_whole

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_whole(Path(sys.argv[1]), bytes(100_000))
"""


@pytest.fixture
def saved(make_bundle: Callable[..., Bundle], tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "cnn"
    bundle.save(make_bundle(), folder)
    return folder


def test_what_is_saved_is_loaded_again(make_bundle: Callable[..., Bundle], saved: Path):
    assert bundle.load(saved) == make_bundle()
    assert sorted(path.name for path in saved.iterdir()) == [
        "card.json",
        "model.keras",
        "model.tflite",
    ]


def test_the_card_says_the_hashes_of_both_files(saved: Path):
    files = json.loads((saved / "card.json").read_text())["files"]
    assert files == {
        name: bundle.sha256((saved / name).read_bytes()) for name in ("model.keras", "model.tflite")
    }


@pytest.mark.parametrize("name", ["model.keras", "model.tflite"])
def test_a_damaged_file_is_not_loaded(saved: Path, name: str):
    damaged = bytearray((saved / name).read_bytes())
    damaged[-1] ^= 1
    (saved / name).write_bytes(damaged)
    with pytest.raises(BundleError, match=f"{name} of this cnn is damaged: its SHA-256 is"):
        bundle.load(saved)


@pytest.mark.parametrize("name", ["model.keras", "model.tflite", "card.json"])
def test_a_missing_file_is_told(saved: Path, name: str):
    (saved / name).unlink()
    with pytest.raises(BundleError, match=f"No complete model in .*{name}"):
        bundle.load(saved)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'"card"', b"{}", b'{"refusal": 1}', b"\xff\xfe"]
)
def test_a_card_that_is_none_is_told(saved: Path, content: bytes):
    (saved / "card.json").write_bytes(content)
    with pytest.raises(BundleError, match="card"):
        bundle.load(saved)


def test_a_card_with_a_field_too_many_is_told(card: Card):
    with pytest.raises(BundleError, match="surprise"):
        Card.from_dict({**card.to_dict(), "surprise": 1})


def test_a_card_comes_back_from_json_as_it_went(card: Card):
    assert Card.from_json(card.to_json()) == card


def test_a_card_never_holds_what_json_does_not_know(card: Card):
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(card, temperature=float("nan")).to_json()


def test_saving_again_replaces_the_version_and_leaves_nothing_else(
    make_bundle: Callable[..., Bundle], saved: Path
):
    bundle.save(make_bundle(seed=2), saved)
    assert bundle.load(saved).card.seed == 2
    assert [path.name for path in saved.parent.iterdir()] == ["cnn"]


def test_what_a_crash_left_behind_does_not_stop_the_next_saving(
    make_bundle: Callable[..., Bundle], saved: Path
):
    leftover = saved.with_name(".cnn-replaced")
    leftover.mkdir()
    (leftover / "model.keras").write_bytes(b"old")
    bundle.save(make_bundle(seed=2), saved)
    assert bundle.load(saved).card.seed == 2


def test_a_saving_that_fails_leaves_the_version_before(
    make_bundle: Callable[..., Bundle], saved: Path
):
    with pytest.raises(ValueError, match="not JSON compliant"):
        bundle.save(make_bundle(temperature=float("inf")), saved)
    assert bundle.load(saved) == make_bundle()
    assert [path.name for path in saved.parent.iterdir()] == ["cnn"]


@pytest.mark.parametrize("family", bundle.FAMILIES)
def test_the_shipped_versions_are_whole(family: bundle.Family):
    shipped = bundle.load(bundle.PRETRAINED / family)
    assert shipped.card.family == family


@pytest.fixture
def exported(make_bundle: Callable[..., Bundle], tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "dnn"
    exports = {"model-int8.tflite": b"small", "saved-model.zip": b"for others"}
    bundle.save(make_bundle(family="dnn").with_exports(exports), folder)
    return folder


def test_other_forms_are_kept_beside_the_files_to_read_with(exported: Path):
    again = bundle.load(exported)
    assert again.exports == {"model-int8.tflite": b"small", "saved-model.zip": b"for others"}
    assert again.card.files["model-int8.tflite"] == bundle.sha256(b"small")
    assert set(again.files) == set(again.card.files)


def test_a_damaged_or_missing_form_is_told(exported: Path):
    (exported / "model-int8.tflite").write_bytes(b"smaII")
    with pytest.raises(BundleError, match=r"model-int8\.tflite of this dnn is damaged"):
        bundle.load(exported)
    (exported / "model-int8.tflite").unlink()
    with pytest.raises(BundleError, match=r"No complete model in .*model-int8"):
        bundle.load(exported)


def test_a_version_without_a_form_that_its_card_names_is_not_whole(
    make_bundle: Callable[..., Bundle],
):
    whole = make_bundle().with_exports({"model.onnx": b"for others"})
    with pytest.raises(BundleError, match=r"This cnn has lost its model\.onnx"):
        replace(whole, exports={}).check()


def test_a_form_that_the_card_does_not_name_is_none_of_its_own(
    make_bundle: Callable[..., Bundle],
):
    with pytest.raises(BundleError, match="damaged"):
        replace(make_bundle(), exports={"model.onnx": b"from elsewhere"}).check()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file take ten bytes, as the last block of a disk does, and no more."""

    def write(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", write)


def test_a_full_disk_leaves_the_version_before_and_nothing_else(
    make_bundle: Callable[..., Bundle],
    saved: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    request.getfixturevalue("full_disk")
    with pytest.raises(OSError, match="No space left on device"):
        bundle.save(make_bundle(seed=2), saved)
    monkeypatch.undo()
    assert bundle.load(saved) == make_bundle()
    assert [path.name for path in saved.parent.iterdir()] == ["cnn"]


def test_a_file_that_does_not_fit_leaves_the_one_before(tmp_path: Path):
    """The limit is a real one, of a process of its own: Linux ends the write where it is."""
    file = tmp_path / "cnn-1.onnx"
    file.write_bytes(b"before")
    finished = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File too large" in finished.stderr
    assert file.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["cnn-1.onnx"]
