"""Several processes at once: real gunicorn, two workers, one database."""

import dataclasses
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from tests import pen
from tests.site import Site
from webapp.db import begin_write, db
from webapp.models import ModelVersion

pytestmark = pytest.mark.slow

PROMISED_SECONDS = 1.5
"""A promotion is served "within about a second"; the half is for a busy machine."""


def read(url: str, strokes: pen.Strokes) -> dict[str, Any]:
    """Have a drawing read over a connection of its own, so that any worker may answer."""
    body = json.dumps({"strokes": strokes}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/predictions", body, headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 201
        answer: dict[str, Any] = json.load(response)
    return answer


def versions_that_answer(url: str) -> set[str]:
    """Ask often enough that both workers answer at least once."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda seed: read(url, pen.write(seed % 10, seed)), range(24))
        return {answer["digits"][0]["models"]["cnn"]["version"] for answer in answers}


def add_version_like_the_live_one(app: Flask) -> str:
    """Save the live cnn once more under the next number; only its card is another."""
    with app.app_context():
        live = ModelVersion.named("cnn-1")
        assert live is not None
        begin_write()
        twin = live.bundle()
        card = dataclasses.replace(twin.card, parent=live.name)
        saved = ModelVersion.add(dataclasses.replace(twin, card=card), origin="train")
        db.session.commit()
        return saved.name


@contextmanager
def requests_all_the_time(url: str) -> Iterator[list[dict[str, Any]]]:
    """Have drawings read in the background; a failed request fails the test."""
    answers: list[dict[str, Any]] = []
    stop = threading.Event()

    def go_on(seed: int) -> None:
        while not stop.is_set():
            answers.append(read(url, pen.write(seed, len(answers))))

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(go_on, seed) for seed in (3, 8)]
        try:
            yield answers
        finally:
            stop.set()
        for worker in workers:
            worker.result()


def test_a_promotion_reaches_every_process_without_a_restart_or_a_failed_request(
    site: Site, app: Flask
) -> None:
    name = add_version_like_the_live_one(app)
    assert versions_that_answer(site.url) == {"cnn-1"}

    with requests_all_the_time(site.url) as answers:
        site.flask("versions", "promote", name)
        time.sleep(PROMISED_SECONDS)
        assert versions_that_answer(site.url) == {name}

        site.flask("versions", "rollback")
        time.sleep(PROMISED_SECONDS)
        assert versions_that_answer(site.url) == {"cnn-1"}

    assert len(answers) > 100
    assert all("digits" in answer for answer in answers)
