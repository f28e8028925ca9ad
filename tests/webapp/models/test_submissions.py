"""Submissions, their digits, the reading, and the pages they are listed in."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, inspect

from webapp.db import db
from webapp.models import Correction, Digit, ModelPrediction, Original, Picture, Submission, Visitor


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def alice() -> Visitor:
    visitor = Visitor()
    db.session.add(visitor)
    db.session.flush()
    return visitor


def a_digit(label: int | None, line: int = 0, position: int = 0) -> Digit:
    digit = Digit(label=label, line=line, position=position, picture_sha256="0" * 64)
    digit.preprocessing_version, digit.holdout = 1, False
    digit.picture = Picture(pixels=bytes(range(256)) * 3 + bytes(16))
    return digit


def submit(visitor: Visitor, *digits: Digit) -> Submission:
    submission = Submission(visitor_id=visitor.id, source="api", width=280, height=280)
    submission.digits, submission.original = list(digits), Original(media_type="x/y", content=b"")
    for digit in digits:
        digit.visitor_id = visitor.id
    db.session.add(submission)
    db.session.commit()
    return submission


def test_the_reading_joins_lines_and_marks_what_was_refused(alice: Visitor):
    digits = [a_digit(4, 1, 0), a_digit(1, 0, 0), a_digit(None, 0, 1), a_digit(2, 1, 1)]
    identity = submit(alice, *digits).id
    db.session.expunge_all()
    assert db.session.get_one(Submission, identity).reading == "1?\n42"


def test_the_reading_of_nothing_is_empty():
    assert Submission().reading == ""


def test_the_picture_comes_back_as_28_by_28(alice: Visitor):
    picture = submit(alice, a_digit(1)).digits[0].picture.image
    assert picture.shape == (28, 28)
    assert picture[0].tolist() == list(range(28))


def test_models_are_named_by_family(alice: Visitor):
    digit = a_digit(1)
    digit.model_predictions = [
        ModelPrediction(
            version_name=f"{family}-1", label=1, confidence=1.0, probabilities=(0.0,) * 10
        )
        for family in ("dnn", "cnn")
    ]
    submit(alice, digit)
    assert list(digit.models) == ["cnn", "dnn"]


class TestPages:
    def test_go_from_newest_to_oldest_without_gap_or_repetition(self, alice: Visitor):
        ids = [submit(alice, a_digit(1)).id for _ in range(5)]
        seen, cursor = [], None
        for _ in range(3):
            page, cursor = Submission.page(alice.id, limit=2, after=cursor)
            seen += [one.id for one in page]
        assert (seen, cursor) == (ids[::-1], None)

    def test_that_are_just_full_have_no_next(self, alice: Visitor):
        submit(alice, a_digit(1))
        assert Submission.page(alice.id, limit=1)[1] is None

    def test_of_everybody_hold_all(self, alice: Visitor):
        submit(alice, a_digit(1))
        assert len(Submission.page(None, limit=5)[0]) == 1
        assert Submission.page("somebody else", limit=5) == ([], None)

    def test_take_as_many_queries_whatever_they_hold(self, alice: Visitor):
        def num_queries() -> int:
            db.session.expunge_all()
            seen: list[Any] = []
            listener = lambda *arguments: seen.append(arguments[2])  # noqa: E731
            event.listen(db.engine, "before_cursor_execute", listener)
            for submission in Submission.page(None, limit=50)[0]:
                assert [(digit.correction, digit.models) for digit in submission.digits]
            event.remove(db.engine, "before_cursor_execute", listener)
            return len(seen)

        submit(alice, a_digit(1))
        few = num_queries()
        for _ in range(10):
            submit(alice, a_digit(1), a_digit(2, 0, 1))
        assert num_queries() == few

    def test_never_load_originals_or_pictures(self, alice: Visitor):
        submit(alice, a_digit(1))
        db.session.expunge_all()
        ((found,), _) = Submission.page(None, limit=5)
        assert "original" in inspect(found).unloaded
        assert "picture" in inspect(found.digits[0]).unloaded


class TestDeleting:
    def test_says_how_many_it_were(self, alice: Visitor):
        for _ in range(3):
            submit(alice, a_digit(1))
        assert Submission.delete_all(Submission.visitor_id == alice.id) == 3
        assert db.session.query(Digit).count() == db.session.query(Picture).count() == 0

    def test_keeps_only_the_accepted_digit_of_several(self, alice: Visitor):
        accepted, pending, plain = a_digit(1), a_digit(2, 0, 1), a_digit(3, 0, 2)
        submission = submit(alice, accepted, pending, plain)
        Correction.add(accepted, 7)
        Correction.add(pending, 7, visitor=alice)
        db.session.commit()
        Submission.delete_all(Submission.id == submission.id)
        db.session.commit()
        (kept,) = db.session.query(Digit).all()
        assert (kept.label, kept.submission_id, kept.visitor_id) == (1, None, None)
        assert [one.label for one in Correction.lessons()] == [7]

    def test_of_nothing_deletes_nothing(self, alice: Visitor):
        submit(alice, a_digit(1))
        assert Submission.delete_all(Submission.id == "no such id") == 0
        assert db.session.query(Digit).count() == 1


def test_corrections_count_also_once_withdrawn(alice: Visitor):
    digit = a_digit(1)
    submission = submit(alice, digit)
    assert not submission.has_corrections
    Correction.add(digit, 2, visitor=alice)
    db.session.commit()
    assert submission.has_corrections


@pytest.mark.parametrize(
    "said, candidates",
    [
        ({"cnn": 4, "dnn": 4}, [4, 9]),
        ({"cnn": 4, "dnn": 7}, [4, 7]),
        ({"cnn": 7, "dnn": 4}, [4, 7]),
        ({"cnn": 3, "dnn": 5}, [4, 3]),
    ],
)
def test_an_unsure_answer_wavers_between_what_the_models_say(
    said: dict[str, int], candidates: list[int]
):
    digit = a_digit(4)
    digit.alternatives = [(4, 0.5), (9, 0.4), (7, 0.1)]
    digit.model_predictions = [
        ModelPrediction(version_name=f"{family}-1", label=label) for family, label in said.items()
    ]
    assert digit.candidates == candidates
