"""The measuring itself: servers start, clients count, processes are weighed."""

import numpy as np
import pytest

from benchmarks.drawings import as_data_url, as_strokes
from benchmarks.load import Load, press
from benchmarks.pictures import PAINTERS, found_in
from benchmarks.servers import Server, ServerError, clean_environment, weigh
from benchmarks.serving import EMPTY, figures, measure, ratio
from tests import pen


@pytest.mark.parametrize("name", PAINTERS)
def test_every_painted_picture_holds_the_digit_that_was_drawn(name: str):
    strokes = [np.array(stroke) for stroke in pen.write(4)]
    strokes = [stroke - np.concatenate(strokes).min(axis=0) for stroke in strokes]
    picture = PAINTERS[name](strokes, np.random.default_rng(3))
    assert found_in(picture) is not None


def test_clients_count_their_answers_and_their_failures():
    load = Load(clients=2, seconds=2.0, round_trips=[0.001, 0.003], failures=1)
    load.add(Load(clients=2, seconds=2.0, round_trips=[0.002, 0.002]))
    assert (load.milliseconds(50), load.per_second, load.failures) == (2.0, 1.0, 1)


def test_a_server_is_started_pressed_weighed_and_stopped():
    measured = measure((EMPTY,), clean_environment(WEB_CONCURRENCY="1"), seconds=0.1)[EMPTY]
    found = figures(measured)
    assert found["1 client: failures"] == found["8 clients: failures"] == 0
    assert found["8 clients: answers a second"]


def test_what_a_server_does_not_know_counts_as_failure():
    server = Server(EMPTY.app, clean_environment(WEB_CONCURRENCY="1"))
    try:
        server.wait_until_ready(EMPTY.ready_path)
        load = press(server.port, "/nowhere", [b"{}"], clients=1, seconds=0.1)
    finally:
        server.stop()
    assert load.failures == len(load.round_trips) > 0


def test_a_server_that_cannot_start_is_an_error():
    server = Server("benchmarks.nowhere:app", clean_environment(WEB_CONCURRENCY="1"))
    with pytest.raises(ServerError, match="did not come to answer"):
        server.wait_until_ready("/")


def test_a_ratio_needs_both_figures():
    assert ratio(3.0, 2.0) == "1.50 ×"
    assert ratio(None, 2.0) == ratio(3.0, None) == "–"


def test_drawings_differ_from_one_another():
    assert len({as_strokes(seed) for seed in range(9)}) == 9
    assert len({as_data_url(seed) for seed in range(9)}) == 9


def test_a_process_that_is_none_weighs_nothing():
    assert weigh(0) is None
