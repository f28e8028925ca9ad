"""A model version as files: whole, checked, replaced at once or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ml import bundle
from ml.bundle import Bundle, BundleError, Card


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
