"""Corrections as JSON lines: what comes in, what goes out, what is skipped."""

import base64
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from ml.bundle import PRETRAINED
from ml.images import to_png
from tests import pen
from tests.people import correct, digit_of, read
from tests.webapp.steps import draw_number
from webapp.correction_files import Report, export, import_
from webapp.correction_files.json_lines import parse as parse_line
from webapp.db import db
from webapp.models import Correction, Digit, Submission

MNIST = PRETRAINED.parent / "data" / "mnist.npz"
PAGE = np.full((400, 300), 255, np.uint8)
PAGE[60:340, 130:170] = 0


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return np.load(MNIST, allow_pickle=False)["x_test"][:40]


@pytest.fixture
def quiet_context(quiet_app: Flask) -> Iterator[None]:
    with quiet_app.app_context():
        yield


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def image_line(picture: np.ndarray | bytes, label: Any = 7) -> str:
    data = picture if isinstance(picture, bytes) else to_png(picture)
    return json.dumps({"image": base64.b64encode(data).decode(), "label": label})


def stroke_line(strokes: Any, label: Any = 7) -> str:
    return json.dumps({"strokes": strokes, "label": label})


def drawn(**other: Any) -> dict[str, Any]:
    """Return a drawing as an export tells it, some of it otherwise."""
    whole = {"strokes": pen.write(7), "width": 280, "height": 280, "box": [1, 2, 30, 40]}
    return whole | other


def import_lines(lines: Iterable[str]) -> Report:
    return import_(io.BytesIO("\n".join(line.strip() for line in lines).encode()))


def export_lines(folder: Path) -> list[str]:
    file = folder / "exported.jsonl"
    file.unlink(missing_ok=True)
    export(file)
    return file.read_text().splitlines()


in_context = pytest.mark.usefixtures("context")
in_quiet_context = pytest.mark.usefixtures("quiet_context")


@in_quiet_context
def test_a_prepared_picture_is_taken_byte_for_byte(digits: np.ndarray):
    for digit in digits:
        lesson = parse_line(image_line(digit, 3))
        assert (lesson.picture == digit).all()
        assert lesson.label == 3


@pytest.mark.parametrize("label", [*range(10), None])
@in_quiet_context
def test_every_label_of_a_correction_is_one_of_a_line(label: int | None):
    assert parse_line(stroke_line(pen.write(7), label)).label == label


def test_strokes_become_the_picture_that_the_site_makes_of_them(app: Flask, alice: FlaskClient):
    read(alice, 5)
    with app.app_context():
        (drawn,) = db.session.query(Digit).all()
        assert (parse_line(stroke_line(pen.write(5))).picture == drawn.picture.image).all()


@pytest.mark.parametrize("scale", [1, 5])
@in_quiet_context
def test_any_other_picture_is_read_as_an_upload_is(scale: int):
    page = np.kron(PAGE, np.ones((scale, scale), np.uint8))
    picture = parse_line(image_line(page)).picture
    assert picture.shape == (28, 28)
    assert picture[14, 14] == 255


@in_quiet_context
def test_a_coloured_picture_of_28_by_28_is_read_as_well(digits: np.ndarray):
    file = io.BytesIO()
    Image.fromarray(digits[0]).convert("RGB").save(file, "PNG")
    assert (parse_line(image_line(file.getvalue())).picture == digits[0]).all()


@pytest.mark.parametrize(
    "line, told",
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("7", "expected {"),
        ("[]", "expected {"),
        ('{"strokes": []}', "expected {"),
        ('{"label": 7}', "expected one of strokes and image"),
        ('{"label": 7, "strokes": [], "image": ""}', "expected one of strokes and image"),
        ('{"label": 11, "strokes": []}', "label must be a number from 0 to 9, or null, not 11"),
        ('{"label": "7", "strokes": []}', "label must be a number from 0 to 9, or null, not '7'"),
        ('{"label": true, "strokes": []}', "label must be a number from 0 to 9, or null"),
        (stroke_line([]), "expected exactly one digit, found 0"),
        (stroke_line([[["a", 1]]]), "must hold finite numbers"),
        (stroke_line([[[0, 0]] * 20_001]), "at most 20,000 are read"),
        ('{"image": "?", "label": 7}', "image is not base64"),
        ('{"image": "é", "label": 7}', "image is not base64"),
        ('{"image": null, "label": 7}', "image is not base64"),
        ('{"image": 7, "label": 7}', "image is not base64"),
        (image_line(b"Dear Inkling"), "not a picture that can be read"),
        (image_line(b""), "The file is empty"),
        (image_line(np.zeros((28, 28), np.uint8)), "the picture is blank"),
        (image_line(np.full((200, 200), 255, np.uint8)), "expected exactly one digit, found 0"),
    ],
    ids=lambda text: text[:30],
)
@in_quiet_context
def test_a_faulty_line_says_what_is_wrong(line: str, told: str):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_line(line)
    assert told in str(caught.value)


@in_context
def test_faulty_lines_are_reported_by_number_and_skipped(digits: np.ndarray):
    report = import_lines([image_line(digits[0]), "nonsense", "", "\n", image_line(digits[1], 12)])
    assert (report.added, report.known) == (1, 0)
    assert [fault.split(":")[0] for fault in report.faults] == ["line 2", "line 5"]


@in_context
def test_imported_corrections_count_at_once_and_belong_to_nobody(digits: np.ndarray):
    import_lines([image_line(digits[0], 7)])
    (lesson,) = Correction.lessons()
    assert (lesson.label, lesson.state) == (7, "accepted")
    assert (lesson.visitor_id, lesson.reviewer_id, lesson.digit.visitor_id) == (None, None, None)
    assert db.session.query(Submission).count() == 0


@in_context
def test_what_the_live_versions_said_stands_beside_an_imported_digit(digits: np.ndarray):
    import_lines([image_line(digits[0], 7)])
    (digit,) = db.session.query(Digit).all()
    assert digit.label == 7
    assert set(digit.models) == {"cnn", "dnn"}
    assert (digit.picture.image == digits[0]).all()


@in_context
def test_the_same_picture_with_the_same_label_counts_once(digits: np.ndarray):
    lines = [image_line(digit) for digit in digits[:3]]
    assert import_lines(lines + lines[:1]) == Report(added=3, known=1)
    assert import_lines(lines) == Report(added=0, known=3)
    assert import_lines([image_line(digits[0], 1)]) == Report(added=1)


def test_what_was_withdrawn_may_be_imported_again(app: Flask, bob: FlaskClient):
    digit = digit_of(read(bob, 7))
    correct(bob, digit, 7)
    bob.delete(f"/api/v1/digits/{digit}/corrections/newest")
    with app.app_context():
        assert import_lines([stroke_line(pen.write(7))]).added == 1


@in_context
def test_more_lines_than_one_transaction_holds_are_saved_all(
    digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("webapp.correction_files.records.LESSONS_PER_TRANSACTION", 7)
    assert import_lines(image_line(digit) for digit in digits).added == len(digits)
    assert db.session.query(Correction).count() == len(digits)


def test_what_goes_out_comes_in_again(
    digits: np.ndarray, app: Flask, alice: FlaskClient, bob: FlaskClient, tmp_path: Path
):
    correct(bob, digit_of(read(alice, 2)), 2)
    correct(alice, digit_of(read(alice, 3)), 3)
    with app.app_context():
        import_lines([image_line(digits[0], 7), stroke_line(pen.write(4), None)])
        lines = export_lines(tmp_path)
        assert [json.loads(line)["label"] for line in lines] == [2, 7, None]
        assert import_lines(lines) == Report(added=0, known=3)


@in_context
def test_a_line_says_what_is_known_of_the_correction(digits: np.ndarray, tmp_path: Path):
    import_lines([image_line(digits[0], 7)])
    (line,) = export_lines(tmp_path)
    values = json.loads(line)
    assert set(values) == {
        "image",
        "label",
        "holdout",
        "preprocessing_version",
        "corrected_at",
        "read_as",
        "confidence",
        "unsure",
        "alternatives",
        "read_at",
    }
    assert base64.b64decode(values["image"]) == to_png(digits[0])


def test_lines_go_to_another_site_and_back_without_loss(
    digits: np.ndarray, app: Flask, bob: FlaskClient, tmp_path: Path
):
    correct(bob, digit_of(read(bob, 2)), 3)
    with app.app_context():
        import_lines([image_line(digits[0], 7), stroke_line(pen.write(4), None)])
        outdated = db.session.query(Digit).order_by(Digit.id).first()
        assert outdated
        outdated.preprocessing_version = 0
        db.session.commit()
        lines = export_lines(tmp_path)
        forget_everything()

        assert import_lines(lines) == Report(added=3)
        assert export_lines(tmp_path) == lines


def forget_everything() -> None:
    tables = ("decision", "correction", "model_prediction", "picture", "digit")
    for table in (*tables, "original", "submission"):
        db.session.execute(db.text(f"DELETE FROM {table}"))
    db.session.commit()
    db.session.expunge_all()


def test_a_drawing_goes_out_with_its_strokes_and_comes_in_with_its_page(
    app: Flask, alice: FlaskClient, bob: FlaskClient, tmp_path: Path
):
    strokes = [[[x, y, 8 * at, 0.5] for at, (x, y) in enumerate(one)] for one in pen.write(2)]
    body = {"strokes": strokes, "width": 300, "height": 280}
    (digit,) = alice.post("/api/v1/predictions", json=body).get_json()["digits"]
    correct(bob, digit["id"], 2)
    with app.app_context():
        (line,) = export_lines(tmp_path)
        forget_everything()
        import_lines([line])
        (found,) = db.session.query(Digit).all()
        assert export_lines(tmp_path) == [line]
        assert (found.source, found.visitor_id) == ("import", None)
        page = f"/predictions/{found.submission_id}"

    drawing = json.loads(line)["drawing"]
    assert drawing["strokes"] == strokes
    assert (drawing["width"], drawing["height"], drawing["box"]) == (300, 280, digit["box"])
    assert bob.get(page).status_code == 200
    assert alice.get(page).status_code == 404


def test_digits_of_one_drawing_are_one_drawing_again(app: Flask, bob: FlaskClient, tmp_path: Path):
    answer = draw_number(bob, 1, 2)
    for digit, label in zip(answer["digits"], (1, 2), strict=True):
        correct(bob, digit["id"], label)
    with app.app_context():
        lines = export_lines(tmp_path)
        forget_everything()
        assert import_lines(lines).added == 2
        (submission,) = db.session.query(Submission).all()
        assert [one.position for one in submission.digits] == [0, 1]
        assert export_lines(tmp_path) == lines


@in_context
def test_what_is_written_as_strokes_keeps_them(tmp_path: Path):
    import_lines([stroke_line(pen.write(4))])
    (line,) = export_lines(tmp_path)
    assert (
        json.loads(line)["drawing"]["strokes"] == json.loads(stroke_line(pen.write(4)))["strokes"]
    )


@in_context
def test_what_was_read_then_is_restored_and_nothing_claims_to_have_read_it_now(
    digits: np.ndarray,
):
    values = json.loads(image_line(digits[0], 7))
    said = {"read_as": 1, "confidence": 0.5, "unsure": True, "alternatives": [[1, 0.5], [7, 0.4]]}
    moments = {"read_at": "2026-01-02T03:04:05+01:00", "corrected_at": "2026-02-03T04:05:06+00:00"}
    assert import_lines([json.dumps(values | said | moments)]).faults == []
    (lesson,) = Correction.lessons()
    digit = lesson.digit
    assert (digit.label, digit.confidence, digit.unsure) == (1, 0.5, True)
    moments_kept = [digit.created_at.isoformat(), lesson.created_at.isoformat()]
    assert moments_kept == [moments["read_at"], moments["corrected_at"]]
    assert not digit.model_predictions


@pytest.mark.parametrize(
    "more, told",
    [
        ({"corrected_at": "yesterday"}, "corrected_at is not a moment"),
        ({"corrected_at": 7}, "corrected_at is not a moment"),
        ({"corrected_at": "2026-01-01T00:00:00"}, "corrected_at has no time zone"),
        ({"preprocessing_version": 99}, "preprocessing_version must be a number up to"),
        ({"preprocessing_version": True}, "preprocessing_version must be a number up to"),
        ({"read_as": 12}, "label must be a number from 0 to 9"),
        ({"confidence": 2}, "confidence must be a number from 0 to 1"),
        ({"confidence": float("nan")}, "confidence must be a number from 0 to 1"),
        ({"alternatives": []}, "alternatives must be pairs"),
        ({"alternatives": [[1]]}, "alternatives must be pairs"),
        ({"alternatives": [[1, 3]]}, "confidence must be a number from 0 to 1"),
        ({"alternatives": [[None, 0.3]]}, "alternatives must be pairs"),
        ({"drawing": 7}, "drawing must hold strokes"),
        ({"drawing": {"strokes": []}}, "drawing must hold strokes"),
        ({"drawing": drawn(strokes=[[["a", 1]]])}, "must hold finite numbers"),
        ({"drawing": drawn(width=0)}, "width must be a number from 1 to 20000"),
        ({"drawing": drawn(height=None)}, "height must be a number from 1 to 20000"),
        ({"drawing": drawn(box=[1, 2, 3])}, "box must be [x, y, width, height]"),
        ({"drawing": drawn(box=[1, 2, 3, float("nan")])}, "box must be [x, y, width, height]"),
        ({"drawing": drawn(line=-1)}, "line must be a number from 0"),
        ({"drawing": drawn(position=True)}, "position must be a number from 0"),
    ],
)
@in_quiet_context
def test_a_faulty_record_says_what_is_wrong(digits: np.ndarray, more: dict[str, Any], told: str):
    known = {
        "read_as": 7,
        "confidence": 0.9,
        "unsure": False,
        "alternatives": [[7, 0.9]],
        "read_at": "2026-01-02T03:04:05+00:00",
    }
    line = json.dumps(json.loads(image_line(digits[0])) | known | more)
    with pytest.raises(ValueError, match=r".") as caught:
        parse_line(line)
    assert told in str(caught.value)
