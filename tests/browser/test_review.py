import pytest
from playwright.sync_api import Page, expect

from tests.browser.hand import correct, draw
from tests.pen import write


@pytest.fixture
def three_waiting(page: Page, bob_page: Page) -> Page:
    """Return Bob's page when three corrections of Alice's, and no others, wait."""
    reject = bob_page.get_by_role("button", name="Reject")
    while reject.count():
        with bob_page.expect_response("**/reject"):
            reject.click()
        bob_page.goto("/review")
    for label in (1, 2, 3):
        draw(page, write(7, label))
        correct(page, label)
    bob_page.goto("/review")
    return bob_page


def test_each_key_decides_and_goes_on(three_waiting: Page) -> None:
    wanted = three_waiting.locator(".case-wanted")
    expect(wanted).to_have_text("1")
    three_waiting.keyboard.press("Enter")
    expect(wanted).to_have_text("2")
    three_waiting.keyboard.press("r")
    expect(wanted).to_have_text("3")
    three_waiting.keyboard.press("a")

    expect(three_waiting.locator(".empty-title")).to_have_text("Nothing waits for you")


def test_what_was_decided_reaches_the_visitor(three_waiting: Page, page: Page) -> None:
    three_waiting.get_by_role("button", name="Accept").click()
    expect(three_waiting.locator(".case-wanted")).to_have_text("2")
    page.goto("/predictions")

    expect(page.locator(".entry").last).to_contain_text("accepted")


def test_skipping_leads_on_and_back_again(three_waiting: Page) -> None:
    for wanted in ("2", "3"):
        three_waiting.keyboard.press("s")
        expect(three_waiting.locator(".case-wanted")).to_have_text(wanted)
        three_waiting.wait_for_load_state()
    three_waiting.keyboard.press("s")
    three_waiting.get_by_role("link", name="Start again").click()

    expect(three_waiting.locator(".case-wanted")).to_have_text("1")


def test_a_reviewer_who_was_signed_out_meanwhile_is_asked_to_sign_in(
    three_waiting: Page, complaints: list[str]
) -> None:
    three_waiting.context.clear_cookies()
    three_waiting.keyboard.press("Enter")

    three_waiting.wait_for_url("**/auth/sign-in*")
    complaints[:] = [one for one in complaints if "400" not in one]
