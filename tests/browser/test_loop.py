"""The product in one test: draw, read, review, correct, retrain, promote, read better."""

import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests import pen
from tests.browser.hand import correct, draw
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

TAUGHT = [(label, seed) for label in (0, 1, 7) for seed in range(8)]
"""Twenty-four digits that the writer draws and corrects or confirms."""

UNSEEN = [(label, seed) for label in range(10) for seed in range(1000, 1010)]
"""A hundred other digits of the same writer, which nobody ever corrects."""

MAX_MNIST_LOSS = 0.001


def test_what_is_corrected_in_the_browser_is_read_right_after_a_retraining(
    site: Site, page: Page
) -> None:
    before = misread(site)
    assert before, "The writer's habits are known already: the test would prove nothing."

    draw_and_correct(page, site)
    accept_all(page, site)
    printed = site.flask("retrain", "--promote")
    assert "Live: cnn-2 and dnn-2" in printed

    after = misread(site)
    assert len(after) <= len(before) / 2, f"{len(before)} misread before, {len(after)} after"
    assert mnist_accuracy(site, "cnn-2") >= mnist_accuracy(site, "cnn-1") - MAX_MNIST_LOSS
    assert mnist_accuracy(site, "dnn-2") >= mnist_accuracy(site, "dnn-1") - MAX_MNIST_LOSS


def draw_and_correct(page: Page, site: Site) -> None:
    """Draw each digit with the mouse, and say by key what it really is."""
    page.goto(site.url)
    for label, seed in TAUGHT:
        draw(page, pen.write_own_way(label, seed))
        correct(page, label)


def accept_all(page: Page, site: Site) -> None:
    """Become a reviewer through the one-time link, and accept one correction after the other."""
    link = re.search(r"/auth/link/\S+", site.flask("reviewers", "link"))
    assert link is not None
    page.goto(site.url + link.group())
    page.get_by_label("Name").fill("Bob")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role(
        "button", name=re.compile("review|start|set|save|sign", re.IGNORECASE)
    ).last.click()
    page.goto(f"{site.url}/review?correction=waits")
    for left in reversed(range(len(TAUGHT))):
        page.locator(".case-suggestion").click()
        expect(page.locator("[data-num-left]")).to_have_text(str(left))
    expect(page.get_by_text("The end of the queue")).to_be_visible()
    expect(page.locator("[data-unsent]")).to_have_text("0")


def misread(site: Site) -> list[tuple[int, int | None]]:
    """Return which unseen digits the site reads wrongly, and as what."""
    answers = [(label, read(site, pen.write_own_way(label, seed))) for label, seed in UNSEEN]
    return [(label, answer) for label, answer in answers if answer != label]


def read(site: Site, strokes: pen.Strokes) -> int | None:
    """Have a drawing read without saving it."""
    body = json.dumps({"strokes": strokes, "save": False}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}/api/v1/predictions", body, headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        answer: dict[str, Any] = json.load(response)
    label: int | None = answer["digits"][0]["label"]
    return label


def mnist_accuracy(site: Site, name: str) -> float:
    """Return how many of MNIST's 10,000 test digits a version reads right."""
    card = json.loads(site.flask("versions", "show", name))
    accuracy: float = card["figures"]["mnist_test"]["accuracy"]
    return accuracy
