"""A hand that draws on the paper of the page with a mouse, as a person would."""

from collections.abc import Sequence

from playwright.sync_api import Page, expect

Strokes = Sequence[Sequence[Sequence[float]]]
"""As the API takes them: `[[[x, y], …], …]`."""

CANVAS = 280


def replay(page: Page, strokes: Strokes, side: float = CANVAS) -> None:
    """Draw strokes on the pad of the drawing page.

    Args:
        page: shows `/`.
        strokes: in units of a canvas.
        side: height of that canvas.
    """
    box = page.locator("#pad").bounding_box()
    assert box is not None
    for stroke in strokes:
        places = [
            (box["x"] + x * box["height"] / side, box["y"] + y * box["height"] / side)
            for x, y, *_ in stroke
        ]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def draw(page: Page, strokes: Strokes, side: float = CANVAS) -> None:
    """Draw strokes on a fresh sheet and wait until all of them have been read."""
    clear = page.locator("#clear")
    if clear.is_enabled():
        clear.click()
    replay(page, strokes, side)
    wait_until_read(page)


def wait_until_read(page: Page) -> None:
    """Wait until the answer on the page is that to the last stroke."""
    expect(page.locator("#answer[aria-busy=false] .verdict:visible")).to_be_visible()


def correct(page: Page, label: int | None) -> None:
    """Say by key what the digit on the page really is; None for "not a digit"."""
    page.keyboard.press("x" if label is None else str(label))
    expect(page.locator("#answer [data-corrected]")).to_be_visible()
