from playwright.sync_api import Page, expect

from tests.browser.hand import correct, draw
from tests.pen import write


def test_the_history_shows_what_was_drawn_and_leads_to_it(page: Page) -> None:
    draw(page, write(3))
    draw(page, write(8))
    page.get_by_role("link", name="History").click()

    expect(page.locator(".entry-reading")).to_have_text(["8", "3"])
    page.locator(".entry-link").last.click()
    expect(page.locator("h1")).to_have_text("Read as 3")
    expect(page.locator("svg.original polyline")).to_have_count(1)


def test_a_digit_is_corrected_in_the_history_without_leaving_it(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")
    page.get_by_text("Correct", exact=True).click()
    page.keyboard.press("5")

    expect(page.locator(".entry .correction-said")).to_contain_text("Really: 5")
    assert page.url.endswith("/predictions")


def test_keys_in_the_history_reach_only_the_entry_one_is_in(page: Page) -> None:
    draw(page, write(3))
    correct(page, 5)
    page.goto("/predictions")
    page.keyboard.press("Backspace")
    page.keyboard.press("7")
    page.wait_for_timeout(300)
    page.reload()

    expect(page.locator(".entry .correction-said")).to_contain_text("Really: 5")


def test_the_page_of_a_prediction_takes_keys(page: Page) -> None:
    draw(page, write(3))
    correct(page, 5)
    page.goto("/predictions")
    page.locator(".entry-link").click()
    page.wait_for_url("**/predictions/*")
    page.keyboard.press("Backspace")
    expect(page.locator(".correction-said")).to_have_text("Is that right?")
    page.keyboard.press("Enter")

    expect(page.locator(".correction-said")).to_contain_text("Confirmed: 3")


def test_one_is_deleted_after_a_question(page: Page) -> None:
    draw(page, write(3))
    draw(page, write(8))
    page.goto("/predictions")
    page.get_by_role("link", name="Delete 8").click()
    page.get_by_role("button", name="Delete it").click()

    expect(page.locator(".entry-reading")).to_have_text(["3"])


def test_all_of_mine_are_deleted_after_a_question(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")
    page.get_by_role("link", name="Delete all of mine").click()
    page.get_by_role("button", name="Delete all of mine").click()

    expect(page.locator(".empty-title")).to_have_text("Nothing has been read yet")


def test_moments_are_shown_in_the_readers_own_time(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")

    expect(page.locator(".entry time")).not_to_contain_text("UTC")
