from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.hand import correct, draw
from tests.pen import write


def chosen(page: Page) -> int:
    """Return how many digits are chosen."""
    return page.locator("[data-choosable] :checked").count()


def test_the_history_shows_what_was_drawn_and_leads_to_it(page: Page) -> None:
    draw(page, write(3))
    draw(page, write(8))
    page.get_by_role("link", name="History").click()

    expect(page.locator(".entry-reading")).to_have_text(["8", "3"])
    page.locator(".entry-link").last.click()
    expect(page.locator("h1")).to_have_text("Read as 3")
    expect(page.locator("svg.original polyline")).to_have_count(1)


def test_a_digit_is_labelled_by_key_in_the_history_and_that_is_undone(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")
    page.get_by_label("Choose this 3").check()
    page.keyboard.press("5")

    expect(page.locator(".entry .badge")).to_have_text("really 5, waits for review")
    page.keyboard.press("Backspace")
    expect(page.get_by_text("1 digit is as before")).to_be_visible()
    expect(page.locator(".entry .badge")).to_have_count(0)
    assert page.url.endswith("/predictions")


def test_a_key_does_nothing_while_nothing_is_chosen(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")
    page.keyboard.press("5")
    page.wait_for_timeout(300)

    expect(page.locator(".entry .badge")).to_have_count(0)


def test_many_are_chosen_by_shift_by_click_and_all_at_once(page: Page) -> None:
    for label in (1, 2, 3, 4):
        draw(page, write(label))
    page.goto("/predictions")
    boxes = page.locator("[data-choosable] input")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    assert chosen(page) == 3
    page.locator(".entry-link").nth(3).click()
    assert chosen(page) == 4
    expect(page.locator("[data-count]")).to_have_text("4 chosen")
    page.keyboard.press("Escape")
    assert chosen(page) == 0
    page.keyboard.press("a")
    assert chosen(page) == 4

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete them").click()
    expect(page.get_by_text("4 predictions are deleted")).to_be_visible()


def test_choosing_works_without_scripts(page: Page, open_page: OpenPage) -> None:
    draw(page, write(3))
    state = page.context.storage_state()
    plain = open_page("/predictions", java_script_enabled=False, storage_state=state)
    plain.get_by_label("Choose this 3").check()
    plain.get_by_role("button", name="They are 8").click()

    expect(plain.locator(".entry .badge")).to_have_text("really 8, waits for review")
    plain.get_by_role("button", name="Undo").click()
    expect(plain.locator(".entry .badge")).to_have_count(0)


def test_a_filter_makes_a_link_and_each_condition_can_be_taken_away(page: Page) -> None:
    for label in (3, 8):
        draw(page, write(label))
    page.goto("/predictions")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Read as").select_option("8")
    page.get_by_role("button", name="Show these").click()
    expect(page.locator(".entry-reading")).to_have_text(["8"])
    assert "read=8" in page.url

    page.get_by_role("link", name="Show without: read as 8").click()
    expect(page.locator(".entry-reading")).to_have_text(["8", "3"])


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


def test_all_of_mine_are_deleted_after_a_question(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions")
    page.get_by_role("link", name="Delete all of mine").click()
    page.get_by_role("button", name="Delete all of mine").click()

    expect(page.locator(".empty-title")).to_have_text("Nothing has been read yet")


def test_moments_are_shown_in_the_readers_own_time(page: Page) -> None:
    draw(page, write(3))
    page.goto("/predictions?view=table")

    expect(page.locator(".history-table time")).not_to_contain_text("UTC")
