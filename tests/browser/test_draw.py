import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.hand import correct, draw, replay, wait_until_read
from tests.pen import scribble, write, write_number


def _label(page: Page) -> str:
    return page.locator(".verdict-label").inner_text()


def _ink(page: Page) -> int:
    """Count the pixels of the pad that carry ink."""
    return int(
        page.evaluate(
            """() => {
              const pad = document.getElementById("pad");
              const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
              return data.filter((value, at) => at % 4 === 3 && value > 0).length;
            }"""
        )
    )


@pytest.mark.parametrize("label", range(10))
def test_a_drawn_digit_is_read(page: Page, label: int) -> None:
    draw(page, write(label))

    assert _label(page) == str(label)
    expect(page.locator("#announcement")).to_contain_text(f"Read as {label}")
    expect(page.locator(".models tbody tr")).to_have_count(10)
    expect(page.locator(".alternatives li")).to_have_count(3)


def test_the_picture_that_the_models_saw_is_shown(page: Page) -> None:
    draw(page, write(3))

    seen = page.locator(".seen img")
    expect(seen).to_be_visible()
    assert seen.evaluate("image => image.naturalWidth") == 28


def test_a_scribble_is_refused_in_words(page: Page) -> None:
    draw(page, scribble())

    expect(page.locator(".verdict-words")).to_contain_text("Refused: not a digit")


def test_undo_takes_one_stroke_away_and_reads_again(page: Page) -> None:
    draw(page, write(4))
    both = _ink(page)
    assert _label(page) == "4"

    page.keyboard.press("Control+z")
    wait_until_read(page)
    one = _ink(page)
    page.click("#undo")

    assert 0 < one < both
    assert _ink(page) == 0
    expect(page.locator(".empty-title")).to_have_text("Nothing to read yet")
    expect(page.locator("#undo")).to_be_disabled()


def test_undoing_leaves_one_answer_in_the_history(page: Page) -> None:
    draw(page, write(4))
    page.keyboard.press("z")
    wait_until_read(page)
    page.goto("/predictions")

    expect(page.locator(".entry")).to_have_count(1)


def test_clear_starts_another_drawing(page: Page) -> None:
    draw(page, write(1))
    page.keyboard.press("c")
    assert _ink(page) == 0
    draw(page, write(2))
    page.goto("/predictions")

    expect(page.locator(".entry-reading")).to_have_text(["2", "1"])


def test_a_correction_by_key_finishes_the_drawing(page: Page) -> None:
    draw(page, write(7))
    correct(page, 1)

    expect(page.locator("#answer .correction-said")).to_contain_text("Really: 1")
    expect(page.locator("#undo")).to_be_disabled()
    replay(page, write(5))
    wait_until_read(page)
    assert _label(page) == "5"
    page.goto("/predictions")
    expect(page.locator(".entry-reading")).to_have_text(["5", "7"])


def test_nothing_is_read_again_when_a_digit_is_corrected(page: Page) -> None:
    draw(page, write(7))
    posts: list[str] = []
    page.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    correct(page, 1)
    page.wait_for_timeout(400)

    assert len(posts) == 1
    assert posts[0].endswith("/corrections")


def test_a_correction_by_click_can_be_undone_by_key(page: Page) -> None:
    draw(page, write(7))
    page.get_by_role("button", name="Not a digit").click()
    expect(page.locator("#answer .correction-said")).to_contain_text("not a digit")

    page.keyboard.press("Backspace")

    expect(page.locator("#answer .correction-said")).to_have_text("Is that right?")


def test_enter_confirms(page: Page) -> None:
    draw(page, write(7))
    page.keyboard.press("Enter")

    expect(page.locator("#answer .correction-said")).to_contain_text("Confirmed: 7")


def test_a_label_given_while_it_still_reads_goes_to_the_newest_answer(page: Page) -> None:
    first, second = write(4)
    draw(page, [first])
    replay(page, [second])
    page.keyboard.press("4")

    expect(page.locator("#answer [data-corrected]")).to_be_visible()
    (answer,) = page.request.get("/api/v1/predictions").json()["items"]
    assert answer["reading"] == "4"
    assert answer["digits"][0]["correction"]["label"] == 4


def test_a_lost_connection_is_said_and_loses_nothing(page: Page, complaints: list[str]) -> None:
    page.context.set_offline(True)
    replay(page, write(6))
    expect(page.locator("#problem")).to_contain_text("connection")
    assert _ink(page) > 0

    page.context.set_offline(False)
    wait_until_read(page)

    assert _label(page) == "6"
    expect(page.locator("#problem")).to_be_hidden()
    complaints[:] = [one for one in complaints if "ERR_INTERNET_DISCONNECTED" not in one]


def test_a_label_never_goes_to_an_answer_that_is_out_of_date(
    page: Page, complaints: list[str]
) -> None:
    first, second = write(4)
    draw(page, [first])
    page.context.set_offline(True)
    replay(page, [second])
    expect(page.locator("#problem")).to_be_visible()
    page.keyboard.press("4")
    page.wait_for_timeout(300)
    page.context.set_offline(False)
    wait_until_read(page)

    expect(page.locator("#answer [data-corrected]")).to_have_count(0)
    assert _label(page) == "4"
    complaints[:] = [one for one in complaints if "ERR_INTERNET_DISCONNECTED" not in one]


def test_an_error_of_the_site_is_said_and_can_be_retried(page: Page, complaints: list[str]) -> None:
    page.route("/", _fail_once())
    replay(page, write(6))
    expect(page.locator("#problem")).to_contain_text("error 500")

    page.click("#problem button")
    wait_until_read(page)

    assert _label(page) == "6"
    assert "500" in complaints.pop()


def _fail_once() -> Callable[[Route], None]:
    failures = iter([500])

    def handle(route: Route) -> None:
        status = next(failures, None)
        if status is None or route.request.method != "POST":
            route.fallback()
        else:
            route.fulfill(status=status, body="broken")

    return handle


def test_a_session_that_ended_meanwhile_is_taken_up_again(
    page: Page, complaints: list[str]
) -> None:
    page.context.clear_cookies()
    draw(page, write(8))

    assert _label(page) == "8"
    assert "400" in complaints.pop()


def test_a_reload_keeps_the_drawing_and_its_one_answer(page: Page) -> None:
    draw(page, write(2))
    page.reload()
    wait_until_read(page)

    assert _ink(page) > 0
    assert _label(page) == "2"
    page.goto("/predictions")
    expect(page.locator(".entry")).to_have_count(1)


def test_fast_strokes_are_read_one_request_at_a_time(page: Page) -> None:
    under_way = most = 0

    def count(change: int) -> None:
        nonlocal under_way, most
        under_way += change
        most = max(most, under_way)

    page.on("request", lambda sent: count(1) if sent.method == "POST" else None)
    page.on("requestfinished", lambda sent: count(-1) if sent.method == "POST" else None)
    for seed in range(4):
        replay(page, write(1, seed))
        page.wait_for_timeout(130)
    wait_until_read(page)

    assert most == 1


def test_what_is_sent_has_time_and_pressure(page: Page) -> None:
    with page.expect_request(lambda sent: sent.method == "POST") as sent:
        replay(page, write(1))
    (stroke,) = sent.value.post_data_json["strokes"]

    assert all(len(point) == 4 for point in stroke)
    assert stroke[0][2] == 0
    assert stroke[-1][2] >= stroke[0][2]
    assert stroke[0][3] == 0.5


def test_resizing_keeps_the_drawing(page: Page) -> None:
    draw(page, write(3))
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(200)

    assert _ink(page) > 0
    assert page.locator("#pad").evaluate("pad => pad.width") < 390


def test_a_finger_draws(open_page: Callable[..., Page]) -> None:
    page = open_page(size=(390, 844), has_touch=True, device_scale_factor=2)
    touch = page.context.new_cdp_session(page)
    box = page.locator("#pad").bounding_box()
    assert box
    for x, y in [(100, 60), (100, 120), (100, 200)]:
        kind = "touchStart" if y == 60 else "touchMove"
        point = {"x": box["x"] + x, "y": box["y"] + y}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_until_read(page)

    assert re.fullmatch(r"\d", _label(page))


def test_a_number_is_read_and_each_digit_has_a_box_a_tile_and_a_panel(page: Page) -> None:
    draw(page, write_number([4, 0, 7, 1]))

    expect(page.locator(".reading-text")).to_have_text("4071")
    expect(page.locator("#boxes rect")).to_have_count(4)
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator(".panel:visible")).to_have_count(1)
    expect(page.locator("#announcement")).to_contain_text("Read as 4071")
    assert page.locator(".tile .picture").first.evaluate("one => one.naturalWidth") == 28


def test_boxes_lie_around_the_ink_of_their_digits(page: Page) -> None:
    draw(page, write_number([4, 0, 7], height=100))
    pad = page.locator("#pad").bounding_box()
    assert pad
    scale = pad["height"] / 280
    for box in page.locator("#boxes rect").all():
        place = box.bounding_box()
        assert place
        assert place["height"] == pytest.approx((100 + 16) * scale, abs=8)
        assert place["y"] == pytest.approx(pad["y"] + (40 - 8) * scale, abs=8)


def test_a_key_corrects_the_digit_that_is_chosen_and_the_reading_follows(page: Page) -> None:
    draw(page, write_number([4, 0, 7]))
    page.locator(".tile").nth(1).click()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".panel:visible .verdict-label")).to_have_text("7")
    page.keyboard.press("1")

    expect(page.locator(".panel:visible .correction-said")).to_contain_text("Really: 1")
    expect(page.locator(".reading-text")).to_have_text("401")
    expect(page.locator(".tile-mark").nth(2)).to_have_text("1")


def test_the_box_of_the_chosen_digit_is_marked(page: Page) -> None:
    draw(page, write_number([4, 0]))
    page.locator(".reading-text span[data-mark-of]").nth(1).click()

    expect(page.locator("#boxes rect.is-chosen")).to_have_count(1)
    expect(page.locator("#boxes rect").nth(1)).to_have_class(re.compile("is-chosen"))


def test_enter_confirms_the_chosen_digit(page: Page) -> None:
    draw(page, write_number([4, 0]))
    page.locator(".tile").nth(1).click()
    page.keyboard.press("Enter")

    expect(page.locator(".panel:visible .correction-said")).to_contain_text("Confirmed: 0")


def test_a_growing_number_leaves_one_answer(page: Page) -> None:
    strokes = write_number([1, 7, 3])
    for stroke in strokes:
        replay(page, [stroke])
        wait_until_read(page)

    expect(page.locator(".reading-text")).to_have_text("173")
    answers = page.request.get("/api/v1/predictions").json()["items"]
    assert [one["reading"] for one in answers] == ["173"]


@pytest.mark.parametrize("is_secure", [True, False])
def test_the_reading_is_copied(open_page: Callable[..., Page], is_secure: bool) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    if not is_secure:
        page.add_init_script("delete Navigator.prototype.clipboard")
        page.reload()
    draw(page, write_number([4, 0, 7]))
    page.keyboard.press("y")
    expect(page.locator("#announcement")).to_have_text("Copied")

    page.evaluate(
        "document.body.append(Object.assign(document.createElement('textarea'), {id: 'x'}))"
    )
    page.locator("#x").focus()
    page.keyboard.press("Control+v")
    expect(page.locator("#x")).to_have_value("407")


def test_lines_are_shown_and_copied_as_lines(open_page: Callable[..., Page]) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    above = write_number([4, 1], height=70)
    below = [[[x, y + 120] for x, y in stroke] for stroke in write_number([7, 3], height=70)]
    draw(page, above + below)

    expect(page.locator(".reading-line")).to_have_text(["41", "73"])
    page.keyboard.press("y")
    expect(page.locator("#announcement")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "41\n73"


@pytest.mark.parametrize("size, least", [((390, 844), 350), ((1280, 800), 1000)])
def test_the_paper_is_as_wide_as_the_page(
    open_page: Callable[..., Page], size: tuple[int, int], least: int
) -> None:
    page = open_page(size=size)
    box = page.locator("#pad").bounding_box()

    assert box
    assert box["width"] >= least
