from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage


def test_a_dozen_samples_is_one_key_away_and_so_is_another(page: Page) -> None:
    page.keyboard.press("s")
    page.wait_for_url("**/samples")
    expect(page.locator(".sample img")).to_have_count(12)
    first = _pictures(page)

    with page.expect_navigation():
        page.keyboard.press("ArrowRight")
    expect(page.locator(".sample img")).to_have_count(12)

    assert _pictures(page) != first


def test_every_picture_of_a_sample_can_be_seen(page: Page) -> None:
    page.goto("/samples")

    assert (
        page.locator(".sample img").evaluate_all("all => all.map(one => one.naturalWidth)")
        == [28] * 12
    )


def test_samples_need_no_scripts_and_set_no_cookie(open_page: OpenPage) -> None:
    page = open_page("/samples", java_script_enabled=False)
    page.get_by_role("link", name="Another dozen").click()

    expect(page.locator(".sample")).to_have_count(12)
    assert page.context.cookies() == []


def _pictures(page: Page) -> list[str | None]:
    return [image.get_attribute("src") for image in page.locator(".sample img").all()]
