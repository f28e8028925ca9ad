from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.hand import correct, draw
from tests.pen import write
from tests.site import Site

LABELS = (1, 2, 3)

SLOW_NETWORK = """
  const real = window.fetch;
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  let decided = () => {};
  const decision = new Promise((done) => { decided = done; });
  window.fetch = async (url, options) => {
    if (String(url).includes("/review/cases")) await Promise.race([decision, pause(1000)]);
    const response = await real(url, options);
    if (options?.method === "POST") { decided(); await pause(1000); }
    const { dataset } = document.body;
    setTimeout(() => { dataset.answers = Number(dataset.answers ?? 0) + 1; }, 100);
    return response;
  };
"""
"""The next digits are asked for once a decision is taken, whose answer is longer on its way."""


@pytest.fixture
def three_waiting(page: Page, bob_page: Page) -> Iterator[Page]:
    """Return Bob's page when three corrections of Alice's, and no others, wait."""
    for label in LABELS:
        draw(page, write(7, label))
        correct(page, label)
    bob_page.goto("/review")
    expect(bob_page.locator("#queue .case")).to_be_visible()
    yield bob_page
    page.goto("/predictions/delete-all")
    page.get_by_role("button", name="Delete all of mine").click()


def suggestion(page: Page) -> str:
    """Return what the digit on the page probably is."""
    return page.locator(".case-suggestion").inner_text().split()[2]


def test_one_key_does_all_and_goes_on(three_waiting: Page) -> None:
    seen = set()
    for left in ("2", "1", "0"):
        seen.add(suggestion(three_waiting))
        three_waiting.keyboard.press("Enter")
        expect(three_waiting.locator("[data-num-left]")).to_have_text(left)

    assert seen == {"1", "2", "3"}
    expect(three_waiting.locator(".empty-title")).to_be_visible()


def test_what_is_on_its_way_is_counted_once(three_waiting: Page) -> None:
    three_waiting.add_init_script(SLOW_NETWORK)
    three_waiting.reload()
    three_waiting.keyboard.press("Enter")
    # Two digits, then none, and the decision itself.
    expect(three_waiting.locator("body")).to_have_attribute("data-answers", "3")

    expect(three_waiting.locator("[data-num-left]")).to_have_text("2")


def test_what_was_labelled_reaches_the_site_and_the_visitor(
    three_waiting: Page, page: Page
) -> None:
    with three_waiting.expect_response(lambda response: response.request.method == "POST"):
        three_waiting.keyboard.press("5")
    page.goto("/predictions?said=5&correction=accepted")

    expect(page.locator(".entry")).to_have_count(1)


def test_skipping_undoing_and_going_back(three_waiting: Page) -> None:
    first = suggestion(three_waiting)
    three_waiting.keyboard.press("Space")
    second = suggestion(three_waiting)
    assert second != first
    three_waiting.keyboard.press("x")
    assert suggestion(three_waiting) not in (first, second)
    expect(three_waiting.locator("[data-num-left]")).to_have_text("2")
    with three_waiting.expect_response("**/undo/*"):
        three_waiting.keyboard.press("Backspace")
    assert suggestion(three_waiting) == second
    three_waiting.keyboard.press("Backspace")
    assert suggestion(three_waiting) == first

    three_waiting.goto("/review")
    expect(three_waiting.locator("[data-num-left]")).to_have_text("3")


def test_a_question_mark_shows_the_keys(three_waiting: Page) -> None:
    expect(three_waiting.locator(".keys-list")).not_to_be_visible()
    three_waiting.keyboard.press("?")

    expect(three_waiting.locator(".keys-list")).to_be_visible()


def test_nothing_is_lost_while_the_connection_is(
    three_waiting: Page, page: Page, complaints: list[str]
) -> None:
    is_down = True

    def answer(route: Route) -> None:
        if is_down:
            route.abort()
        else:
            route.continue_()

    three_waiting.route(lambda url: "/review/0" in url, answer)
    for unsent in ("1", "2"):
        expect(three_waiting.locator("#queue .case")).to_be_visible()
        three_waiting.keyboard.press("6")
        expect(three_waiting.locator("[data-unsent]")).to_have_text(unsent)
    expect(three_waiting.locator("#problem")).to_be_visible()
    assert len(three_waiting.evaluate("JSON.parse(sessionStorage['inkling unsent'])")) == 2
    is_down = False
    three_waiting.get_by_role("button", name="Try again").click()
    expect(three_waiting.locator("#problem")).not_to_be_visible()
    expect(three_waiting.locator("[data-unsent]")).to_have_text("0")
    page.goto("/predictions?said=6&correction=accepted")
    expect(page.locator(".entry")).to_have_count(2)
    complaints[:] = [one for one in complaints if "ERR_FAILED" not in one]


def test_a_digit_that_is_deleted_meanwhile_holds_nothing_up(
    three_waiting: Page, page: Page, complaints: list[str]
) -> None:
    expect(three_waiting.locator("#queue .case")).to_be_visible()
    page.goto("/predictions/delete-all")
    page.get_by_role("button", name="Delete all of mine").click()
    page.wait_for_url("**/predictions")
    three_waiting.keyboard.press("6")

    expect(three_waiting.locator("#problem")).to_contain_text("may have been deleted")
    assert three_waiting.evaluate("sessionStorage['inkling unsent']") == "[]"
    complaints[:] = [one for one in complaints if "404" not in one]


def test_the_queue_works_without_scripts(
    three_waiting: Page, site: Site, reviewer: tuple[str, str]
) -> None:
    assert three_waiting.context.browser
    browser = three_waiting.context.browser
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.add_cookies(three_waiting.context.cookies())  # type: ignore[arg-type]
    plain = context.new_page()
    plain.goto("/review")
    label = suggestion(plain)
    plain.get_by_role("button", name="Not a digit").click()
    expect(plain.locator("[data-num-left]")).to_have_text("2")
    assert suggestion(plain) != label
    plain.get_by_role("button", name="Undo").click()
    expect(plain.locator("[data-num-left]")).to_have_text("3")
    context.close()


def test_a_reviewer_who_was_signed_out_meanwhile_is_asked_to_sign_in(
    three_waiting: Page, complaints: list[str]
) -> None:
    three_waiting.wait_for_load_state("networkidle")
    three_waiting.context.clear_cookies()
    three_waiting.on("dialog", lambda dialog: dialog.accept())
    three_waiting.keyboard.press("Enter")

    three_waiting.wait_for_url("**/auth/sign-in*")
    complaints[:] = [one for one in complaints if "400" not in one]
