"""Several processes at once: real gunicorn, two workers, one database; and processes that die."""

import random
import statistics

import pytest

from benchmarks import postgresql
from benchmarks.kills import kill_some
from benchmarks.promotion import application, close, database, watch

pytestmark = pytest.mark.slow

PROMISED_SECONDS = 1.5
"""A promotion is served "within about a second"; the half is for a busy machine."""
NUM_REQUESTS = 1_000
NUM_KILLS = 4
"""`python -m benchmarks.kills` does twenty."""


@pytest.mark.parametrize("name", ["SQLite", "PostgreSQL"])
def test_a_promotion_reaches_every_process_and_not_one_of_a_thousand_requests_fails(
    name: str,
) -> None:
    if name == "PostgreSQL" and postgresql.programs() is None:
        pytest.skip("PostgreSQL's server programs are not installed.")
    with database(name) as environment:
        watched = watch(environment, 3, num_requests=NUM_REQUESTS)

    assert watched.failures == []
    assert len(watched.answers) >= NUM_REQUESTS
    assert {answer.version for answer in watched.answers} == {"cnn-1", "cnn-2"}
    assert statistics.median(watched.delays) < PROMISED_SECONDS


def test_a_kill_while_saving_and_promoting_leaves_a_site_that_works_and_says_what_is_true() -> None:
    with database("SQLite") as environment:
        app = application(environment)
        assert kill_some(app, environment, random.Random(1), NUM_KILLS) == []
        close(app)
