"""Conditions of the history are read from an address and written back into it."""

import pytest

from webapp.models.filters import PARSERS, Filter

EVERYTHING = {
    "read": "4",
    "said": "not-a-digit",
    "sure_from": "10",
    "sure_to": "90",
    "unsure": "yes",
    "disagree": "no",
    "refused": "no",
    "conflict": "yes",
    "correction": "waits",
    "source": "batch",
    "version": "cnn-7",
    "since": "2026-01-02",
    "until": "2026-01-03",
    "visitor": "0" * 26,
    "q": "42",
    "sort": "surest",
}


def test_an_address_comes_back_as_it_went() -> None:
    assert set(EVERYTHING) == set(PARSERS)
    assert Filter.parse(EVERYTHING).to_query() == EVERYTHING


@pytest.mark.parametrize("name", PARSERS)
def test_each_condition_stands_alone_and_can_be_empty(name: str) -> None:
    assert Filter.parse({name: EVERYTHING[name]}).to_query() == {name: EVERYTHING[name]}
    assert Filter.parse({name: " "}) == Filter()
    assert Filter().is_empty


@pytest.mark.parametrize(
    "query",
    [
        {"read": "not-a-digit"},
        {"sure_from": "101"},
        {"sure_to": "1.5"},
        {"since": "0001-01-01"},
        {"until": "9999-12-31"},
        {"conflict": "no"},
        {"q": "x" * 65},
    ],
)
def test_what_cannot_be_is_named(query: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(query))):
        Filter.parse(query)
