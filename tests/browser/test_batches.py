"""Many pictures at once: sent one by one, read on where they were left."""

import io
import json
import re
import zipfile

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import PHONE, OpenPage
from tests.pen import write, write_number
from tests.webapp.steps import png


def picture(name: str, labels: list[int]) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": png(write_number(labels))}


def archive(*labels: int) -> FilePayload:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for label in labels:
            opened.writestr(f"{label}.png", png(write(label)))
    return {"name": "all.zip", "mimeType": "application/zip", "buffer": file.getvalue()}


NUMBER = picture("number.png", [4, 0, 7])
TEXT: FilePayload = {"name": "diary.png", "mimeType": "image/png", "buffer": b"Dear diary"}


@pytest.fixture
def upload_page(open_page: OpenPage) -> Page:
    return open_page("/upload")


def test_several_files_are_read_one_by_one_with_progress(upload_page: Page) -> None:
    sent: list[str] = []
    upload_page.on("request", lambda one: one.method == "POST" and sent.append(one.url))
    upload_page.locator("#image").set_input_files([NUMBER, TEXT, archive(3, 5)])

    words = upload_page.locator("[data-progress-words]")
    expect(words).to_have_text("All 4 files are done, 1 could not be read")
    expect(upload_page.locator(".batch-reading")).to_have_text(["407", "3", "5"])
    expect(upload_page.locator(".batch-problem")).to_contain_text("not a picture")
    assert sum(url.endswith("/files") for url in sent) == 3

    with upload_page.expect_download() as download:
        upload_page.get_by_role("link", name="Readings as JSON").click()
    readings = json.loads(download.value.path().read_text())
    assert [one["reading"] for one in readings["files"]] == ["407", None, "3", "5"]


def test_a_batch_that_was_left_is_read_on_when_its_page_is_opened(upload_page: Page) -> None:
    begun = _post(upload_page, "/batches")
    found = re.search(r'data-files="(/batches/\w+)/files"', begun)
    assert found
    assert 'data-waiting="3"' in _post(upload_page, f"{found[1]}/files", image=archive(3, 5, 7))
    upload_page.goto(found[1])

    expect(upload_page.locator(".batch-reading")).to_have_text(["3", "5", "7"])


def _post(page: Page, address: str, **files: FilePayload) -> str:
    """Post as a script would that closes before anything is read of what waits."""
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    headers = {"X-CSRFToken": token, "X-Fragment": "yes"}
    answer = page.request.post(address, multipart={"x": "", **files}, headers=headers)
    assert answer.ok
    return answer.text()


def test_a_file_that_does_not_arrive_is_told_and_the_others_are_read(
    upload_page: Page, complaints: list[str]
) -> None:
    calls: list[int] = []

    def once(route: object) -> None:
        calls.append(1)
        route.fulfill(status=413, body="{}") if len(calls) == 1 else route.fallback()  # type: ignore[attr-defined]

    upload_page.route("**/files", once)
    upload_page.locator("#image").set_input_files([picture("lost.png", [1]), NUMBER])

    words = upload_page.locator("[data-progress-words]")
    expect(words).to_have_text("All 2 files are done, 1 could not be read", timeout=20_000)
    expect(upload_page.locator(".batch-reading")).to_have_text(["407"])
    complaints.clear()


def test_several_files_work_without_scripts(open_page: OpenPage) -> None:
    page = open_page("/upload", java_script_enabled=False)
    page.locator("#image").set_input_files([NUMBER, TEXT])
    page.get_by_role("button", name="Read it").click()

    expect(page.locator("h1")).to_have_text("2 files")
    expect(page.locator(".batch-reading")).to_have_text(["407"])
    page.get_by_role("link", name="number.png").click()
    expect(page.locator("h1")).to_have_text("Read as 407")


def test_phones_offer_their_camera_and_the_gallery(open_page: OpenPage) -> None:
    page = open_page("/upload", size=PHONE, has_touch=True, is_mobile=True)

    expect(page.get_by_text("Take a photograph")).to_be_visible()
    expect(page.locator("#camera")).to_have_attribute("capture", "environment")
    assert page.locator("#image").get_attribute("capture") is None
    expect(page.get_by_text("Drop pictures here")).to_be_hidden()
    page.locator("#camera").set_input_files(NUMBER)
    expect(page.locator(".reading-text")).to_have_text("407")
    expect(page.locator(".reading-text")).to_be_in_viewport()


def test_a_computer_offers_no_camera(upload_page: Page) -> None:
    expect(upload_page.get_by_text("Take a photograph")).to_be_hidden()


def test_pages_of_a_form_are_read_field_by_field(upload_page: Page) -> None:
    fields = [{"name": "points", "box": [0, 0, 1, 1], "digits": 3}]
    definition = json.dumps({"fields": fields}).encode()
    upload_page.get_by_text("The pictures are pages of a form").click()
    upload_page.locator("#definition").set_input_files(
        {"name": "form.json", "mimeType": "application/json", "buffer": definition}
    )
    upload_page.locator("#image").set_input_files([NUMBER, picture("two.png", [1, 3, 5])])

    words = upload_page.locator("[data-progress-words]")
    expect(words).to_have_text("All 2 files are done")
    expect(upload_page.locator(".batch-fields th")).to_have_text(["points", "points"])
    expect(upload_page.locator(".batch-reading")).to_have_text(["407", "135"])


def test_a_form_that_cannot_be_used_is_told(upload_page: Page, complaints: list[str]) -> None:
    upload_page.get_by_text("The pictures are pages of a form").click()
    upload_page.locator("#definition").set_input_files(
        {"name": "form.json", "mimeType": "application/json", "buffer": b"{}"}
    )
    upload_page.locator("#image").set_input_files([NUMBER])

    expect(upload_page.locator("#problem")).to_contain_text("A form has 1 to")
    complaints.clear()
