"""A real site in front of a real Chromium; skipped where there is none."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.conftest import BOB
from tests.site import Site, serve

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE = (390, 844)
DESK = (1280, 800)

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here as driving a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Return Playwright, running."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return the system's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("There is no Chromium here.")
    running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield running
    running.close()


@pytest.fixture(scope="module")
def site(prepared_instance: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a site that the tests of one file share."""
    instance = tmp_path_factory.mktemp("site") / "instance"
    shutil.copytree(prepared_instance, instance)
    with serve(instance, WEB_CONCURRENCY="1") as found:
        yield found


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Collect what the pages of a test complain about; a test takes out what it means to cause."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_page(browser: Browser, site: Site, complaints: list[str]) -> Iterator[OpenPage]:
    """Return a function that opens a page as somebody new; options are those of a context."""
    contexts = []

    def open_page(path: str = "/", size: tuple[int, int] = DESK, **options: object) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(base_url=site.url, viewport=viewport, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Return the drawing page as a new visitor sees it."""
    return open_page()


@pytest.fixture(scope="module")
def reviewer(site: Site) -> tuple[str, str]:
    """Return name and password of Bob, the only reviewer of the site."""
    site.flask("reviewers", "add", BOB[0], "--password", BOB[1])
    return BOB


def sign_in(page: Page, reviewer: tuple[str, str]) -> None:
    """Let a reviewer sign in on a page."""
    page.goto("/auth/sign-in")
    page.get_by_label("Name").fill(reviewer[0])
    page.get_by_label("Password").fill(reviewer[1])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/review")


@pytest.fixture
def bob_page(open_page: OpenPage, reviewer: tuple[str, str]) -> Page:
    """Return a page on which Bob has signed in to review."""
    page = open_page()
    sign_in(page, reviewer)
    return page
