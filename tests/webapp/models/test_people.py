"""Reviewers and their passwords."""

from collections.abc import Iterator

import pytest
from flask import Flask

from webapp.db import db
from webapp.models import Reviewer


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_password_is_kept_as_a_salted_hash_only():
    one, two = Reviewer.add("One", "the same words"), Reviewer.add("Two", "the same words")
    assert one.password_hash != two.password_hash
    assert "the same words" not in one.password_hash
    assert one.has_password("the same words")
    assert not one.has_password("the same word")


def test_nobody_reviews_before_somebody_is_added():
    assert Reviewer.none_yet()
    Reviewer.add("Dora", "dora's own words")
    assert not Reviewer.none_yet()


def test_space_around_a_name_does_not_count():
    Reviewer.add("  Dora ", "dora's own words")
    assert Reviewer.named("Dora ") is Reviewer.named(" Dora")


@pytest.mark.parametrize("name", ["", "   ", "D" * 81])
def test_a_name_has_1_to_80_characters(name: str):
    with pytest.raises(ValueError, match="1 to 80 characters"):
        Reviewer.add(name, "dora's own words")


def test_a_name_is_taken_once():
    Reviewer.add("Dora", "dora's own words")
    with pytest.raises(ValueError, match="called Dora already"):
        Reviewer.add("Dora ", "other words")


@pytest.mark.parametrize("password", ["", "seven77"])
def test_a_password_has_at_least_eight_characters(password: str):
    with pytest.raises(ValueError, match="at least 8 characters"):
        Reviewer.add("Dora", password)
    db.session.rollback()
    assert Reviewer.none_yet()
