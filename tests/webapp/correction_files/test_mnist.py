"""Corrections as CSV and as NPZ, in the shape that MNIST is passed around in."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from ml import preprocessing
from ml.bundle import PRETRAINED
from ml.datasets import load_mnist
from webapp.correction_files import Report, export, import_
from webapp.correction_files.mnist import HEADER
from webapp.db import db
from webapp.models import Correction

MNIST = PRETRAINED.parent / "data" / "mnist.npz"


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return load_mnist().test.images[:30]


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return load_mnist().test.labels[:30]


def npz(**arrays: Any) -> io.BytesIO:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def lessons() -> dict[bytes, int | None]:
    """Return what counts for training: pictures and their labels."""
    return {one.digit.picture.pixels: one.label for one in Correction.lessons()}


def expected(pictures: np.ndarray, labels: np.ndarray) -> dict[bytes, int]:
    return {one.tobytes(): int(label) for one, label in zip(pictures, labels, strict=True)}


def forget_everything() -> None:
    for table in ("decision", "correction", "model_prediction", "picture", "digit"):
        db.session.execute(db.text(f"DELETE FROM {table}"))
    db.session.commit()
    db.session.expunge_all()


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_pixels_and_labels_go_out_and_come_in_again(
    pictures: np.ndarray, labels: np.ndarray, tmp_path: Path, form: str
):
    assert import_(npz(x=pictures, y=labels), "npz") == Report(added=30)
    file = tmp_path / f"corrections.{form}"
    assert export(file, form) == 30
    assert import_(io.BytesIO(file.read_bytes()), form) == Report(known=30)

    forget_everything()
    assert import_(io.BytesIO(file.read_bytes()), form) == Report(added=30)
    assert lessons() == expected(pictures, labels)


def test_an_npz_is_split_as_the_corrections_are(
    pictures: np.ndarray, labels: np.ndarray, tmp_path: Path
):
    import_(npz(x_train=pictures, y_train=labels), "npz")
    export(tmp_path / "out.npz", "npz")

    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"x_train", "y_train", "x_test", "y_test"}
        for side in ("train", "test"):
            taught, said = arrays[f"x_{side}"], arrays[f"y_{side}"]
            assert (taught.dtype, taught.shape) == (np.uint8, (len(said), 28, 28))
            assert len(said)
            holdout = {preprocessing.is_holdout(preprocessing.picture_hash(one)) for one in taught}
            assert holdout == {side == "test"}


def test_a_csv_has_a_label_and_784_pixels_a_row(
    pictures: np.ndarray, labels: np.ndarray, tmp_path: Path
):
    import_(npz(x=pictures[:2], y=labels[:2]), "npz")
    export(tmp_path / "out.csv", "csv")

    header, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert header.split(",") == list(HEADER)
    assert rows[0].split(",") == [str(labels[0]), *map(str, pictures[0].reshape(-1))]
    assert len(rows) == 2


@pytest.mark.parametrize("form", ["csv", "npz"])
def test_what_is_no_digit_has_no_label_there(pictures: np.ndarray, tmp_path: Path, form: str):
    import_(npz(x=pictures[:2], y=[7, 2]), "npz")
    newest = Correction.lessons()[-1]
    newest.label = None
    db.session.commit()
    assert export(tmp_path / "out", form) == 1


@pytest.mark.parametrize("form", ["jsonl", "csv", "npz"])
def test_an_export_without_corrections_is_a_file_all_the_same(tmp_path: Path, form: str):
    assert export(tmp_path / "out", form) == 0
    assert import_(io.BytesIO((tmp_path / "out").read_bytes()), form) == Report()


def test_an_export_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> int:
        raise OSError("No space left on device")

    (tmp_path / "out").mkdir()
    monkeypatch.setitem(export.__globals__["WRITERS"], "csv", full)
    with pytest.raises(OSError, match="No space left"):
        export(tmp_path / "out" / "here.csv", "csv")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_csv_may_come_without_names_and_from_a_spreadsheet(pictures: np.ndarray, newline: str):
    rows = [",".join(map(str, [7, *one.reshape(-1)])) for one in pictures[:2]]
    file = b"\xef\xbb\xbf" + newline.join(rows).encode()
    assert import_(io.BytesIO(file), "csv") == Report(added=2)


@pytest.mark.parametrize(
    "row, told",
    [
        ("7,0,0", "expected a label and 784 pixels, found 3 values"),
        (",".join(["7", *["x"] * 784]), "a value is no whole number"),
        (",".join(["7", *["256"] * 784]), "a pixel is not from 0 to 255"),
        (",".join(["7", *["-1"] * 784]), "a pixel is not from 0 to 255"),
        (",".join(["12", *["9"] * 784]), "label must be a number from 0 to 9, or null, not 12"),
        (",".join(["", *["9"] * 784]), "a value is no whole number"),
        (",".join(["7", *["0"] * 784]), "the picture is blank"),
    ],
    ids=lambda text: text[:20],
)
def test_a_faulty_row_is_named_and_the_others_are_taken(pictures: np.ndarray, row: str, told: str):
    good = ",".join(map(str, [7, *pictures[0].reshape(-1)]))
    file = "\n".join([",".join(HEADER), row, "", good]).encode()
    assert import_(io.BytesIO(file), "csv") == Report(added=1, faults=[f"line 2: {told}."]) or (
        import_(io.BytesIO(file), "csv").faults == [f"line 2: {told}"]
    )


def test_an_npz_of_flat_pictures_and_any_whole_labels_is_taken(
    pictures: np.ndarray, labels: np.ndarray
):
    flat = pictures.reshape(-1, 784)
    assert import_(npz(images=flat, labels=labels.astype(">i2")), "npz") == Report(added=30)
    assert lessons() == expected(pictures, labels)


def test_faulty_pictures_of_an_npz_are_named_by_their_place(pictures: np.ndarray):
    some = pictures[:3].copy()
    some[1] = 0
    report = import_(npz(x=some, y=[7, 2, 10]), "npz")
    assert report.added == 1
    assert report.faults[0] == "x[1]: the picture is blank"
    assert report.faults[1].startswith("x[2]: label must be a number from 0 to 9")


@pytest.mark.parametrize(
    "arrays, told",
    [
        ({"a": [1]}, "expected arrays x_train and y_train, or"),
        ({"x": np.ones((2, 28, 28)), "y": [1, 2]}, "found float64 (2, 28, 28)"),
        ({"x": np.ones((2, 9), np.uint8), "y": [1, 2]}, "found uint8 (2, 9)"),
        ({"x": np.ones((2, 28, 28), np.uint8), "y": [1]}, "and labels (1,)"),
        ({"x": np.ones((2, 28, 28), np.uint8), "y": [1.5, 2]}, "must be whole numbers"),
        ({"x": np.ones((28, 28, 2), np.uint8).T, "y": [1, 2]}, "kept column by column"),
        ({"x": np.array([{}], object), "y": [1]}, "found object (1,)"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_arrays_that_cannot_be_used_are_told(arrays: dict[str, Any], told: str):
    report = import_(npz(**arrays), "npz")
    assert (report.added, len(report.faults)) == (0, 1)
    assert told in report.faults[0]


def test_a_file_that_is_no_npz_is_told(pictures: np.ndarray):
    assert import_(io.BytesIO(b"Dear Inkling"), "npz").faults[0].startswith("file: it is not")
    cut = npz(x=pictures, y=range(30)).getvalue()[:500]
    assert import_(io.BytesIO(cut), "npz").faults


def test_an_npz_that_promises_more_than_it_holds_is_read_as_far_as_it_goes(pictures: np.ndarray):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in (("x", pictures[:1]), ("y", np.array([7]))):
            with archive.open(f"{name}.npy", "w") as member:
                many = {"descr": array.dtype.str, "fortran_order": False}
                shape = (1_000_000_000, *array.shape[1:])
                np.lib.format.write_array_header_1_0(member, {**many, "shape": shape})
                member.write(array.tobytes())
    assert import_(file, "npz").faults == ["x: y ends too early"]


def test_mnist_itself_can_be_imported(monkeypatch: pytest.MonkeyPatch):
    from webapp.correction_files import mnist

    with MNIST.open("rb") as file:
        first = next(iter(mnist.read_npz(file)))
    assert isinstance(first, mnist.Lesson)
    assert first.label == np.load(MNIST, allow_pickle=False)["y_train"][0]
