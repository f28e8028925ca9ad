import base64

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.conftest import OpenPage
from tests.pen import write
from tests.webapp.steps import png

FIVE: FilePayload = {"name": "five.png", "mimeType": "image/png", "buffer": png(write(5))}

HAND_OVER = """([kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "five.png", { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  const event = kind === "drop"
    ? new DragEvent("drop", { ...options, dataTransfer: transfer })
    : new ClipboardEvent("paste", { ...options, clipboardData: transfer });
  document.getElementById("drop").dispatchEvent(event);
}"""


@pytest.fixture
def upload_page(open_page: OpenPage) -> Page:
    return open_page("/upload")


def test_a_chosen_picture_is_shown_and_read_in_place(upload_page: Page) -> None:
    upload_page.locator("#image").set_input_files(FIVE)

    expect(upload_page.locator("#answer .verdict-label")).to_have_text("5")
    expect(upload_page.locator("#preview")).to_be_visible()
    expect(upload_page.locator("#boxes rect")).to_have_count(1)
    expect(upload_page.locator("#announcement")).to_contain_text("Read as 5")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_taken_by_drop_and_by_paste(upload_page: Page, kind: str) -> None:
    data = base64.b64encode(png(write(5))).decode()
    upload_page.evaluate(HAND_OVER, [kind, data])

    expect(upload_page.locator("#answer .verdict-label")).to_have_text("5")


def test_an_uploaded_digit_can_be_corrected_by_key(upload_page: Page) -> None:
    upload_page.locator("#image").set_input_files(FIVE)
    expect(upload_page.locator("#answer .verdict-label")).to_have_text("5")
    upload_page.keyboard.press("6")

    expect(upload_page.locator("#answer .correction-said")).to_contain_text("Really: 6")


def test_what_is_no_picture_is_said(upload_page: Page, complaints: list[str]) -> None:
    text: FilePayload = {"name": "diary.png", "mimeType": "image/png", "buffer": b"Dear diary"}
    upload_page.locator("#image").set_input_files(text)

    expect(upload_page.locator("#problem")).to_be_visible()
    expect(upload_page.locator("#preview")).to_be_hidden()
    assert "415" in complaints.pop()


def test_the_form_works_without_scripts(open_page: OpenPage) -> None:
    page = open_page("/upload", java_script_enabled=False)
    page.locator("#image").set_input_files(FIVE)
    page.get_by_role("button", name="Read it").click()

    expect(page.locator("h1")).to_have_text("Read as 5")
    page.get_by_role("button", name="It is a 6").click()
    expect(page.locator(".correction-said")).to_contain_text("Really: 6")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".correction-said")).to_have_text("Is that right?")
