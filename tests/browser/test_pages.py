"""What holds of every page: nothing is blocked or broken, and nothing runs out of the window."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, OpenPage, sign_in
from tests.browser.hand import correct, draw
from tests.pen import write, write_number

PATHS = [
    "/",
    "/upload",
    "/samples",
    "/predictions",
    "/predictions?view=table&unsure=no",
    "/predictions/delete-all",
    "/batches",
    "/review",
    "/audit",
    "/audit/people",
    "/versions",
    "/versions/cnn-1",
    "/auth/sign-in",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK])
def test_no_page_is_wider_than_its_window(
    open_page: OpenPage, reviewer: tuple[str, str], size: tuple[int, int], scheme: str
) -> None:
    page = open_page(size=size, color_scheme=scheme)
    sign_in(page, reviewer)
    page.goto("/")
    draw(page, write(7))
    correct(page, 1)
    assert _overflow(page) <= 0
    page.goto("/predictions?mine=1")
    page.locator(".entry-link").first.click()
    page.wait_for_url("**/predictions/*")
    assert _overflow(page) <= 0

    for path in PATHS:
        page.goto(path)
        assert _overflow(page) <= 0, path


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_a_long_number_stays_in_its_window(open_page: OpenPage, size: tuple[int, int]) -> None:
    page = open_page(size=size)
    body = {"strokes": write_number([7] * 20, height=50), "width": 1500, "height": 280}
    answer = page.request.post("/api/v1/predictions", data=body).json()
    assert len(answer["reading"]) == 20
    page.goto(f"/predictions/{answer['id']}")
    page.get_by_text("Put its boxes right").click()

    assert _overflow(page) <= 0


def _overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def test_touch_targets_are_large_enough(open_page: OpenPage) -> None:
    page = open_page(size=PHONE, has_touch=True)
    draw(page, write(7))

    for control in page.locator("button:visible, .site-nav a").all():
        box = control.bounding_box()
        assert box
        assert box["height"] >= 44
        assert box["width"] >= 44


def test_the_answer_does_not_push_the_page_about(page: Page) -> None:
    draw(page, write(7))
    keypad = page.locator(".keypad").bounding_box()
    page.keyboard.press("1")
    expect(page.locator("#answer [data-corrected]")).to_be_visible()

    assert page.locator(".keypad").bounding_box() == keypad


def test_the_skip_link_leads_to_the_content(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"


def test_what_is_not_there_has_a_page(page: Page, complaints: list[str]) -> None:
    page.goto("/nowhere")

    expect(page.locator("h1")).to_have_text("Not found")
    assert "404" in complaints.pop()
