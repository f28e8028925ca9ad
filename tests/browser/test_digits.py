"""What is shown of one digit: the choice of an unsure answer, and what decided it."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, OpenPage
from tests.browser.hand import draw
from tests.pen import write
from tests.site import Site, serve


@pytest.fixture(scope="module")
def site(prepared_instance: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site whose models are unsure of everything."""
    instance = tmp_path_factory.mktemp("unsure") / "instance"
    shutil.copytree(prepared_instance, instance)
    with closing(sqlite3.connect(instance / "inkling.sqlite3")) as database, database:
        query = "SELECT card FROM model_version WHERE name = 'cnn-1'"
        card = json.loads(database.execute(query).fetchone()[0])
        card["unsure_below"] = 2.0
        database.execute(
            "UPDATE model_version SET card = ? WHERE name = 'cnn-1'", [json.dumps(card)]
        )
    with serve(instance, WEB_CONCURRENCY="1") as found:
        yield found


def _choice(page: Page) -> Locator:
    return page.locator(".correction-choice button")


def test_an_unsure_answer_offers_both_labels_as_buttons(page: Page) -> None:
    draw(page, write(4))
    first, second = _choice(page).all()
    other = second.get_attribute("value")

    expect(first).to_have_attribute("value", "4")
    expect(page.locator("#announcement")).to_contain_text(f"Unsure: 4 or {other}?")
    second.click()

    expect(page.locator("#answer .correction-said")).to_contain_text(f"Really: {other}")
    expect(page.locator("#next")).to_be_visible()


def test_the_likelier_label_is_one_key_away(page: Page) -> None:
    draw(page, write(4))
    page.keyboard.press("Enter")

    expect(page.locator("#answer .correction-said")).to_contain_text("Confirmed: 4")


def test_the_page_of_a_prediction_offers_both_as_well(page: Page) -> None:
    _look_back(page)
    _choice(page).first.click()

    expect(page.locator(".correction-said")).to_contain_text("Confirmed: 4")


def test_both_buttons_are_large_enough_and_move_nothing(open_page: OpenPage) -> None:
    page = open_page(size=PHONE, has_touch=True)
    draw(page, write(4))
    keypad = page.locator(".keypad").bounding_box()
    for button in _choice(page).all():
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    _choice(page).first.click()
    expect(page.locator("#answer [data-corrected]")).to_be_visible()

    assert page.locator(".keypad").bounding_box() == keypad


def test_what_decided_it_is_fetched_when_it_is_asked_for(page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda sent: fetched.append(sent.url) if "explanation" in sent.url else None)
    draw(page, write(4))
    page.wait_for_timeout(200)
    assert fetched == []

    with page.expect_response("**/explanation.png") as response:
        page.keyboard.press("w")
    assert response.value.status == 200
    picture = page.get_by_role("img", name="The digit; what speaks for 4")
    expect(picture).to_be_visible()
    expect(page.locator(".explanation p")).to_contain_text("Orange speaks for 4")

    page.keyboard.press("w")
    expect(picture).to_be_hidden()
    page.keyboard.press("w")
    expect(picture).to_be_visible()
    assert len(fetched) == 1
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 280


def test_a_picture_that_does_not_come_leaves_a_link(page: Page, complaints: list[str]) -> None:
    draw(page, write(4))
    page.route("**/explanation.png", lambda route: route.fulfill(status=503))
    with page.expect_response("**/explanation.png"):
        page.get_by_text("What decided it?").click()

    expect(page.locator(".explanation a")).to_be_visible()
    assert "503" in complaints.pop()


def test_without_scripts_a_link_leads_to_the_picture(page: Page, open_page: OpenPage) -> None:
    address = _look_back(page)
    plain = open_page("/", java_script_enabled=False, storage_state=page.context.storage_state())
    plain.goto(address)
    plain.get_by_text("What decided it?").click()
    link = plain.get_by_role("link", name="Show the picture")

    expect(link).to_be_visible()
    picture = plain.request.get(link.get_attribute("href") or "")
    assert picture.headers["content-type"] == "image/png"


def _look_back(page: Page) -> str:
    draw(page, write(4))
    page.goto("/predictions")
    page.locator(".entry-link").first.click()
    page.wait_for_url("**/predictions/*")
    return page.url
