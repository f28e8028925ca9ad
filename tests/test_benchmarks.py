"""The measuring itself: servers start, clients count, processes are weighed."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.table import Table

from benchmarks import exports, kills, retraining
from benchmarks.drawings import as_data_url, as_strokes
from benchmarks.load import Load, press
from benchmarks.numbers import (
    FINAL_WAYS,
    WAYS,
    Number,
    Sample,
    Score,
    dealt_singles,
    in_a_row,
    wilson_interval,
)
from benchmarks.paper import FINAL_KINDS, KINDS, laid_out
from benchmarks.pictures import PAINTERS, found_in
from benchmarks.promotion import Answer, Watched
from benchmarks.recognition import Ink, confusion_table
from benchmarks.retraining import Outcome
from benchmarks.sabotage import Shelf, Verdict, _poisoned, verdicts_table
from benchmarks.seeds import SETS, card_of, seeds_table
from benchmarks.servers import Server, ServerError, clean_environment, weigh
from benchmarks.serving import EMPTY, figures, measure, ratio
from ml import bundle, images, training
from ml.bundle import PRETRAINED, Bundle
from ml.datasets import LabelledDigits, load_mnist
from ml.training import TrainingConfig
from tests import pen
from tests.ml.tiny import TINY, tiny_version


@pytest.mark.parametrize("name", PAINTERS)
def test_every_painted_picture_holds_the_digit_that_was_drawn(name: str):
    strokes = [np.array(stroke) for stroke in pen.write(4)]
    strokes = [stroke - np.concatenate(strokes).min(axis=0) for stroke in strokes]
    picture = PAINTERS[name](strokes, np.random.default_rng(3))
    assert found_in(picture) is not None


@pytest.mark.parametrize("name", KINDS | FINAL_KINDS)
def test_every_kind_of_paper_is_a_picture_with_ink(name: str):
    strokes = [np.array(stroke) for stroke in pen.write(4)]
    generator = np.random.default_rng(3)
    data = (KINDS | FINAL_KINDS)[name](laid_out(strokes, generator, pixels=500), generator)
    assert images.decode(data, max_pixels=10**6).ink.max() == 255


def test_a_number_is_right_only_as_a_whole():
    score = Score.of([("12", "12"), ("13", "12"), ("1", "12"), ("", "12")], seconds=4)
    assert (score.whole, score.count, score.seconds) == (0.25, 0.5, 1)


def test_scores_of_several_papers_are_taken_together():
    one = Score.of([("12", "12"), ("1", "12")], seconds=2)
    other = Score.of([("3", "3"), ("4", "4")], seconds=4)
    both = Score.mean([one, other])
    assert (both.whole, both.count, both.seconds, both.num) == (0.75, 0.75, 1.5, 4)


def test_an_interval_holds_what_was_seen_and_narrows_with_the_number_of_cases():
    assert wilson_interval(0.5, 100) == pytest.approx((0.404, 0.596), abs=0.001)
    assert wilson_interval(1.0, 40) == pytest.approx((0.912, 1.0), abs=0.001)
    low, high = wilson_interval(0.98, 960)
    assert 0.965 < low < 0.98 < high < 0.99


def test_each_paper_gets_digits_that_no_other_one_has():
    strokes = [[np.array([[at, at], [at + 1.0, 2.0]])] for at in range(24)]
    samples = [Sample(at % 10, one) for at, one in enumerate(strokes)]
    writers = {"Alice": samples[:12], "Bob": samples[12:]}
    hands = dealt_singles(writers, 3, 8, np.random.default_rng(1))
    dealt = [id(number.digits[0]) for hand in hands for number in hand]
    assert [len(hand) for hand in hands] == [8, 8, 8]
    assert len(set(dealt)) == 24


@pytest.mark.parametrize("way", [*WAYS.values(), *FINAL_WAYS.values()])
def test_pairs_come_to_touch(way: Callable[..., Number]):
    generator = np.random.default_rng(1)
    samples = [Sample(label, [np.array(one) for one in pen.write(label)]) for label in (2, 3)]
    pair = way(in_a_row(samples, generator), generator)
    points = np.concatenate(pair.strokes)
    apart = in_a_row(samples, np.random.default_rng(1))
    assert np.ptp(points[:, 0]) <= np.ptp(np.concatenate(apart.strokes)[:, 0]) + 1e-6


def test_clients_count_their_answers_and_their_failures():
    load = Load(clients=2, seconds=2.0, round_trips=[0.001, 0.003], failures=1)
    load.add(Load(clients=2, seconds=2.0, round_trips=[0.002, 0.002]))
    assert (load.milliseconds(50), load.per_second, load.failures) == (2.0, 1.0, 1)


def test_a_server_is_started_pressed_weighed_and_stopped():
    measured = measure((EMPTY,), clean_environment(WEB_CONCURRENCY="1"), seconds=0.1)[EMPTY]
    found = figures(measured)
    assert found["1 client: failures"] == found["8 clients: failures"] == 0
    assert found["8 clients: answers a second"]


def test_a_candidate_that_is_kept_is_made_once(tmp_path: Path):
    live, made = tiny_version(), []

    def make() -> Bundle:
        made.append(live)
        return live

    for folder, times in ((tmp_path, 1), (None, 3)):
        for _ in range(2):
            again = Shelf(folder).get("seed 2", live, make)
            assert again.card.weights_sha256 == live.card.weights_sha256
        assert len(made) == times


def test_what_ends_before_it_is_killed_is_begun_once_more():
    command = [sys.executable, "-c", "import time; print('I begin.', flush=True); time.sleep(1)"]
    _, after = kills.killed(command, {}, 20)
    assert after <= 10


def test_what_fails_is_no_kill():
    command = [sys.executable, "-c", "print('I begin.', flush=True); raise SystemExit(3)"]
    with pytest.raises(RuntimeError, match="ended by itself with 3"):
        kills.killed(command, {}, 60)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks Linux who is running")
def test_what_outlives_a_killed_process_is_told_and_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kills, "SECONDS_TO_END", 0)
    begin_another = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    command = [sys.executable, "-c", f"{begin_another}; import time; time.sleep(60)"]
    with kills.begun(command, {}) as process:
        pass
    (told,) = kills.outliving(process.pid)
    assert "outlived the killed one" in told
    monkeypatch.setattr(kills, "SECONDS_TO_END", 30)
    assert kills.outliving(process.pid) == []


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


def texts(table: Table) -> list[list[str]]:
    """Return what stands in a table, column by column."""
    return [[str(cell) for cell in column.cells] for column in table.columns]


def test_seeds_are_summed_up_as_mean_and_deviation():
    card = bundle.load(PRETRAINED / "dnn").card
    cards = [
        replace(card, seed=seed, figures={name: {"accuracy": part} for name in SETS})
        for seed, part in ((1, 0.992), (2, 0.994))
    ]
    seeds, validation, *_ = texts(seeds_table(cards))
    assert seeds == ["1", "2", "mean"]
    assert validation == ["99.20%", "99.40%", "99.30% ± 0.14%"]


def test_a_seed_that_was_trained_before_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bundle.save(tiny_version(), tmp_path)
    trained: list[TrainingConfig] = []
    monkeypatch.setattr(training, "train", lambda config: trained.append(config) or tiny_version())
    assert card_of(TINY, tmp_path).created_at == tiny_version().card.created_at
    assert not trained
    card_of(replace(TINY, seed=2), tmp_path)
    assert [config.seed for config in trained] == [2]


def test_confusions_are_shown_beside_the_earlier_ones_if_there_are_any():
    now, before = {"ink, cnn": Counter({(4, 9): 2})}, {"ink, cnn": Counter({(9, 3): 5})}
    assert texts(confusion_table(now, None)) == [["ink, cnn"], ["2"], ["4→9: 2"]]
    assert texts(confusion_table(now, before))[1:] == [["5 → 2"], ["9→3: 5 → 0, 4→9: 0 → 2"]]


def test_every_form_of_a_version_is_measured(make_bundle: Callable[..., Bundle]):
    found = exports.measure(make_bundle(), "litert")
    assert found.num_bytes == len(make_bundle().tflite)
    assert found.accuracy == pytest.approx(0.098)
    assert found.milliseconds
    assert found.difference < 1e-5


def test_the_old_version_answers_until_the_last_question_that_it_answered():
    watched = Watched(promotions=[(10.0, "cnn-2"), (20.0, "cnn-1")])
    for asked_at, version in [(9.0, "cnn-1"), (10.3, "cnn-1"), (10.4, "cnn-2"), (21.0, "cnn-1")]:
        watched.answers.append(Answer(asked_at, 0.01, version))
    assert watched.delays == pytest.approx([0.3, 0.0])


def test_what_was_refused_is_counted_and_says_why():
    verdicts = [Verdict("NaN", False, ("No numbers.", "More.")), Verdict("seed 2", True, ())]
    table = verdicts_table("Bad candidates", verdicts)
    assert table.title == "Bad candidates: 1 of 2 refused"
    assert texts(table) == [["NaN", "seed 2"], ["refused", "promoted"], ["No numbers.", ""]]


def test_poison_is_a_hundred_labels_and_all_of_them_wrong():
    honest = load_mnist().gate.take(slice(500))
    given, chosen = _poisoned(honest)
    assert len(chosen) == 100
    assert sorted(chosen) == np.flatnonzero(given.labels != honest.labels).tolist()
    assert set(given.labels.tolist()) == set(range(10))


def test_a_writer_who_fails_does_not_cost_the_others_their_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def retrained(
        folder: Path, _ink: Ink, writer: str, _options: argparse.Namespace
    ) -> list[Outcome]:
        if writer == "b":
            raise ValueError("No digit of b.")
        return [Outcome(writer, "dnn", 30, 8, 0, 200, 10, 3, 0.0, 0.0, True, 1.0, 1.0)]

    monkeypatch.setattr(retraining, "retrained", retrained)
    monkeypatch.setattr(retraining, "prepared_site", lambda folder, start: folder.mkdir())
    ink = Ink(LabelledDigits.empty(), np.array(["a", "b", "c"]))
    options = argparse.Namespace(
        start="shipped", writers="3", digits=40, time=False, json=tmp_path / "figures.json"
    )
    with pytest.raises(SystemExit, match="No figures of b"):
        retraining.measure(tmp_path, ink, options)
    assert "20 → 6 of 400" in capsys.readouterr().out
    kept = json.loads(options.json.read_text())
    assert [one["writer"] for one in kept["outcomes"]] == ["a", "c"]
    assert kept["failed"] == {"b": "ValueError('No digit of b.')"}
