"""`flask retrain`: what it does before anything is learned, and what it says afterwards."""

import json
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from ml.bundle import Bundle
from ml.gate import GateReport, Row
from tests import pen
from tests.people import correct, digit_of, read
from webapp import beside, memory, retraining
from webapp.cli import retraining as cli
from webapp.db import begin_write, db
from webapp.models import Digit, ModelVersion, Outcome, Promotion
from webapp.models.outcomes import Fate
from webapp.retraining import Candidate, RetrainingError


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["retrain", *arguments])


def accept(app: Flask, *labels: int) -> None:
    lines = "\n".join(json.dumps({"strokes": pen.write(one), "label": one}) for one in labels)
    result = app.test_cli_runner().invoke(args=["corrections", "import", "-"], input=lines)
    assert result.exit_code == 0, result.output


def test_until_enough_is_new_nothing_is_done(app: Flask):
    accept(app, 1, 2, 3)
    result = run(app, "--when", "4", "--promote")
    assert result.exit_code == 0
    assert result.output == "Nothing to do yet: 3 new corrections of 4 are accepted.\n"
    with app.app_context():
        assert db.session.query(ModelVersion).count() == 2
        assert db.session.query(Promotion).count() == 1


@pytest.mark.parametrize("arguments", [["--when", "0"], ["--when", "-3"], ["--when", "soon"]])
def test_a_number_that_cannot_be_is_refused(app: Flask, arguments: list[str]):
    assert run(app, *arguments).exit_code == 2


@pytest.fixture
def taught_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the live versions come out of a retraining as they are, and one of them refused."""

    def teach(family: str, parent: str, live: Bundle, *_args: Any, **_options: Any) -> Candidate:
        passed = family == "cnn"
        row = Row("recall of 7", "98 %", "97 %", passed, "" if passed else "It forgot.", 3, 14)
        return Candidate(live.card.family, live, GateReport((row,)), parent)

    monkeypatch.setattr(retraining, "teach", teach)
    monkeypatch.setattr(beside, "MIN_CORES", 1_000)


def test_suspected_labels_are_named_before_anything_is_learned(app: Flask, taught_nothing: None):
    drawn = [(label, seed, label) for label in range(10) for seed in range(5)]
    lines = "\n".join(
        json.dumps({"strokes": pen.write(label, seed), "label": said})
        for label, seed, said in [*drawn, (7, 5, 4)]
    )
    app.test_cli_runner().invoke(args=["corrections", "import", "-"], input=lines)
    printed = run(app).output
    assert "1 suspected" in printed
    assert "Probably labelled wrong" in printed
    assert "They wait at /review" in printed


def test_the_comparison_says_what_was_gained_and_lost(app: Flask, taught_nothing: None):
    accept(app, *range(10))
    printed = run(app).output
    row = next(line for line in printed.splitlines() if "recall of 7" in line)
    assert [part.strip() for part in row.split("│")[2:6]] == ["98 %", "97 %", "3", "14"]
    assert "dnn-2: It forgot." in printed
    assert "flask versions promote cnn-2" in printed


def test_too_little_memory_is_said_before_anything_begins(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    accept(app, 1)
    monkeypatch.setattr(memory, "TRAINING_BYTES", 10**15)
    result = run(app)
    assert result.exit_code == 1
    assert "Training needs" in result.output


def test_a_live_version_of_another_preprocessing_is_said_and_nothing_is_changed(app: Flask):
    accept(app, *range(10))
    with app.app_context():
        begin_write()
        db.session.get_one(ModelVersion, "dnn-1").preprocessing_version = 0
        db.session.commit()
    result = run(app)
    assert result.exit_code == 1
    assert "flask versions upgrade" in result.output
    with app.app_context():
        assert db.session.query(ModelVersion).count() == 2


def test_without_corrections_it_says_how_to_get_some(app: Flask):
    result = run(app)
    assert result.exit_code == 1
    assert "accept them at /review" in result.output
    assert "live versions are untouched" in result.output


def live(app: Flask) -> tuple[str, str, str]:
    with app.app_context():
        current = Promotion.current()
        assert current is not None
        return current.cnn_name, current.dnn_name, current.reason


def test_it_says_how_long_each_part_took(app: Flask, monkeypatch: pytest.MonkeyPatch):
    def teach(family: str, parent: str, live: Bundle, *_args: Any, **_options: Any) -> Candidate:
        seconds = {"learning": 12.4, "judging": 3.0}
        return Candidate(live.card.family, live, GateReport(()), parent, seconds)

    monkeypatch.setattr(retraining, "teach", teach)
    monkeypatch.setattr(beside, "MIN_CORES", 1_000)
    accept(app, *range(10))
    assert "cnn-2 took: learning 12 s, judging 3 s." in run(app).output


def test_a_second_process_that_dies_is_said():
    dead: Future[Candidate] = Future()
    dead.set_exception(BrokenProcessPool("terminated"))
    with pytest.raises(RetrainingError, match="taught the dnn died; there may be too little mem"):
        cli._awaited("dnn", dead)


def test_only_what_passes_goes_live(app: Flask, taught_nothing: None):
    accept(app, *range(10))
    assert "Live: cnn-2 and dnn-1." in run(app, "--promote", "--reason", "Our sevens.").output
    assert live(app) == ("cnn-2", "dnn-1", "Our sevens.")


def test_force_makes_live_what_does_not_pass_and_is_recorded(app: Flask, taught_nothing: None):
    accept(app, *range(10))
    assert run(app, "--force", "We need it.").exit_code == 0
    reason = "Forced: We need it. The gate refused dnn-2: It forgot."
    assert live(app) == ("cnn-2", "dnn-2", reason)


def test_once_enough_is_new_it_is_taught_and_then_it_waits_again(app: Flask, taught_nothing: None):
    accept(app, *range(10))
    assert "cnn-1 → cnn-2" in run(app, "--when", "10").output
    assert run(app, "--when", "1").output == (
        "Nothing to do yet: 0 new corrections of 1 are accepted.\n"
    )


def test_each_new_version_has_a_report(app: Flask, taught_nothing: None):
    accept(app, *range(10))
    run(app)
    with app.app_context():
        version = ModelVersion.named("dnn-2")
        assert version is not None
        assert b"The gate refused it. It forgot." in (version.report() or b"")


def test_what_became_of_corrections_is_known_at_once(
    app: Flask, taught_nothing: None, alice: FlaskClient
):
    accept(app, *range(10))
    digit = digit_of(read(alice, 7))
    correct(alice, digit, 1)
    run(app, "--promote")
    with app.app_context():
        visitor_id = db.session.get_one(Digit, digit).visitor_id
        assert visitor_id
        assert Outcome.fate(visitor_id) == Fate(1, 0, 0, 0, 0)


def test_what_was_compared_with_versions_that_are_no_longer_live_is_not_promoted(
    app: Flask, taught_nothing: None, monkeypatch: pytest.MonkeyPatch
):
    accept(app, *range(10))
    save = retraining.save

    def promoted_meanwhile(*args: Any, **options: Any) -> Any:
        saved = save(*args, **options)
        Promotion.promote([saved["cnn"]], by="somebody", reason="Meanwhile.")
        db.session.commit()
        return saved

    monkeypatch.setattr(retraining, "save", promoted_meanwhile)
    result = run(app, "--promote")
    assert result.exit_code == 1
    assert "Other versions went live while this retraining ran" in result.output
    assert live(app) == ("cnn-2", "dnn-1", "Meanwhile.")
