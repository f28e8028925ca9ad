from dataclasses import replace

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ml import bundle
from ml.bundle import Bundle
from ml.images import to_png
from tests.browser.conftest import OpenPage
from tests.browser.hand import draw
from tests.conftest import dispose
from tests.pen import write
from tests.site import Site
from webapp import create_app
from webapp.db import begin_write, db
from webapp.models import ModelVersion


@pytest.fixture
def second(site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a second cnn, not live, in the site's database."""
    return _add(site, monkeypatch, bundle.load(bundle.PRETRAINED / "cnn"))


def _add(site: Site, monkeypatch: pytest.MonkeyPatch, made: Bundle) -> str:
    monkeypatch.setenv("INKLING_INSTANCE", str(site.instance))
    application = create_app()
    with application.app_context():
        begin_write()
        version = ModelVersion.add(made, origin="train")
        db.session.commit()
    dispose(application)
    return version.name


@pytest.fixture
def drawn(site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a version that has the plots of one kind."""
    shipped = bundle.load(bundle.PRETRAINED / "cnn")
    plots = {
        f"confusion-{theme}.png": to_png(np.full((64, 64), level, np.uint8))
        for theme, level in (("light", 250), ("dark", 20))
    }
    return _add(site, monkeypatch, replace(shipped, plots=plots))


def test_a_promotion_reaches_the_drawing_page_and_is_rolled_back(
    bob_page: Page, second: str
) -> None:
    bob_page.goto("/versions")
    bob_page.get_by_role("link", name=second).click()
    bob_page.fill("#reason", "It reads my sevens.")
    bob_page.get_by_role("button", name=f"Promote {second}").click()
    expect(bob_page.locator(".line-of-promotions li").first).to_contain_text(f"{second} and dnn-1")
    assert _version_that_answers(bob_page) == second

    bob_page.goto("/versions")
    bob_page.fill("#reason", "It lost the ones.")
    bob_page.get_by_role("button", name="Roll back").click()
    expect(bob_page.locator(".line-of-promotions li").first).to_contain_text("cnn-1 and dnn-1")
    assert _version_that_answers(bob_page) == "cnn-1"


def _version_that_answers(page: Page) -> str:
    page.wait_for_timeout(1000)
    page.goto("/")
    draw(page, write(7))
    return page.locator(".models thead a").first.inner_text()


def test_a_reviewer_downloads_a_version(bob_page: Page) -> None:
    bob_page.goto("/versions/cnn-1")
    with bob_page.expect_download() as download:
        bob_page.get_by_role("link", name="cnn-1.tflite").click()

    assert download.value.suggested_filename == "cnn-1.tflite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_follow_the_colours_of_the_page(open_page: OpenPage, drawn: str, scheme: str) -> None:
    page = open_page(f"/versions/{drawn}", color_scheme=scheme)
    plot = page.get_by_role("img", name="What was read as what")
    plot.scroll_into_view_if_needed()

    plot.evaluate("image => image.decode()")
    assert plot.evaluate("image => image.currentSrc").find(f"confusion-{scheme}") > 0
    expect(page.locator(".plot img")).to_have_count(1)


def test_visitors_look_and_cannot_act(page: Page) -> None:
    page.goto("/versions")

    expect(page.get_by_role("button")).to_have_count(0)
