"""Pictures from strangers become ink, or an error that says what to do."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ml import images
from ml.images import Photo, PictureError, TooManyPixelsError
from ml.preprocessing import Ink, picture_hash
from ml.segmentation import digits_in_ink

MNIST = Path(images.__file__).parent / "data" / "mnist.npz"
ANY_SIZE = 50_000_000
BAR = (120, 60, 40, 180)
"""Left, top, width and height of the ink on `page`."""


def page(paper: int = 255, ink: int = 0) -> Image.Image:
    """Return a grey page, 280 wide and 300 high, with a bar on it."""
    levels = np.full((300, 280), paper, np.uint8)
    left, top, width, height = BAR
    levels[top : top + height, left : left + width] = ink
    return Image.fromarray(levels)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(data: bytes) -> Photo:
    return images.decode(data, max_pixels=ANY_SIZE)


def box(photo: Photo) -> tuple[float, ...]:
    (found,) = digits_in_ink(photo.ink, photo.scale)
    return found.box


def png_that_says(width: int, height: int) -> bytes:
    """Return a PNG whose header promises far more than its few bytes hold."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", images.FORMATS)
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_every_format_shows_the_same_bar(kind: str, mode: str):
    shown = page().convert(mode)
    photo = read(encoded(shown.convert("L") if (kind, mode) == ("JPEG", "P") else shown, kind))
    assert (photo.width, photo.height, photo.scale) == (280, 300, 1)
    assert box(photo) == pytest.approx(BAR, abs=2)


@pytest.mark.parametrize(
    "image, kind",
    [
        (Image.fromarray(np.asarray(page(), dtype=np.uint16) * 257), "PNG"),
        (Image.fromarray(np.asarray(page(), dtype=np.uint16) * 257), "TIFF"),
        (Image.fromarray(np.asarray(page(), dtype=np.int32) * 1000), "TIFF"),
        (Image.fromarray(np.asarray(page(), dtype=np.float32) / 255), "TIFF"),
        (page().convert("CMYK"), "JPEG"),
        (page().convert("CMYK"), "TIFF"),
    ],
    ids=["16-bit PNG", "16-bit TIFF", "32-bit TIFF", "TIFF of 0..1", "CMYK JPEG", "CMYK TIFF"],
)
def test_unusual_levels_are_read(image: Image.Image, kind: str):
    assert box(read(encoded(image, kind))) == pytest.approx(BAR, abs=2)


@pytest.mark.parametrize("ink", [0, 255])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_transparency_is_paper_whether_the_ink_is_black_or_white(ink: int, kind: str):
    shape = page(paper=0, ink=255)
    image = Image.new("RGBA", shape.size, (ink, ink, ink, 0))
    image.putalpha(shape)
    photo = read(encoded(image, kind))
    assert box(photo) == pytest.approx(BAR, abs=2)
    assert photo.ink[0, 0] == 0
    assert photo.ink[150, 140] == 255


def test_a_picture_without_transparent_parts_may_have_an_alpha_channel():
    assert box(read(encoded(page().convert("RGBA")))) == pytest.approx(BAR, abs=2)


@pytest.mark.parametrize("paper, ink", [(255, 0), (0, 255), (200, 90), (60, 180), (120, 30)])
def test_ink_may_be_darker_or_brighter_than_its_paper(paper: int, ink: int):
    photo = read(encoded(page(paper, ink)))
    assert box(photo) == pytest.approx(BAR, abs=2)
    assert photo.ink[150, 140] == 255


def test_the_opposite_polarity_gives_the_same_ink():
    levels = np.asarray(page(230, 40))
    dark, bright = Image.fromarray(levels), Image.fromarray(255 - levels)
    assert (read(encoded(dark)).ink == read(encoded(bright)).ink).all()


def test_a_shadow_across_the_paper_is_not_ink():
    light = np.linspace(1.0, 0.5, 280)
    photo = read(encoded(Image.fromarray((np.asarray(page(240, 30)) * light).astype(np.uint8))))
    assert box(photo) == pytest.approx(BAR, abs=3)


@pytest.mark.parametrize("side", [28, 64, 65, 300])
@pytest.mark.parametrize("level", [0, 17, 128, 255])
def test_an_even_picture_has_no_ink(side: int, level: int):
    assert not read(encoded(Image.new("L", (side, side), level))).ink.any()


@pytest.mark.parametrize("side", [40, 300])
def test_grain_of_the_paper_is_not_ink(side: int):
    grain = np.random.default_rng(1).integers(240, 250, (side, side), dtype=np.uint8)
    assert not read(encoded(Image.fromarray(grain))).ink.any()


def test_grey_paper_of_a_small_picture_is_not_ink():
    levels = np.full((40, 40), 200, np.uint8)
    levels[10:30, 18:22] = 20
    assert box(read(encoded(Image.fromarray(levels)))) == (18, 10, 4, 20)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (5000, 1), (3, 2)])
def test_tiny_and_narrow_pictures_are_read(size: tuple[int, int]):
    assert not read(encoded(Image.new("L", size, 255))).ink.any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_as_the_camera_was_held(orientation: int):
    upright = page()
    undo = {
        1: (),
        2: (Image.Transpose.FLIP_LEFT_RIGHT,),
        3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,),
        5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_90,),
        7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_270,),
    }
    stored = upright
    for turn in undo[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = read(encoded(stored, "JPEG", quality=95, exif=exif))
    assert (photo.width, photo.height) == (280, 300)
    assert box(photo) == pytest.approx(BAR, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_large_picture_is_worked_on_at_2000_pixels_and_measured_in_its_own(kind: str):
    photo = read(encoded(page().resize((2800, 3000)), kind))
    assert max(photo.ink.shape) <= images.WORKING_SIDE
    assert (photo.width, photo.height) == (2800, 3000)
    assert box(photo) == pytest.approx([10 * side for side in BAR], abs=20)


@pytest.mark.parametrize("mode", ["1", "P", "L"])
def test_thin_lines_of_a_large_picture_survive_the_shrinking(mode: str):
    levels = np.full((6000, 900), 255, np.uint8)
    levels[1000:5000, 450] = 0
    photo = read(encoded(Image.fromarray(levels).convert(mode)))
    assert box(photo)[3] == pytest.approx(4000, abs=20)


def test_the_first_picture_of_an_animation_is_read():
    blank = Image.new("L", (280, 300), 255)
    photo = read(encoded(page(), "GIF", save_all=True, append_images=[blank]))
    assert box(photo) == pytest.approx(BAR, abs=2)


def test_what_is_kept_is_a_jpeg_without_metadata():
    exif = Image.Exif()
    exif[0x010F] = "Camera of Alice"
    kept = read(encoded(page(), "JPEG", exif=exif)).kept
    image = Image.open(io.BytesIO(kept))
    assert (image.format, image.size) == ("JPEG", (280, 300))
    assert b"Alice" not in kept
    assert not image.getexif()


def test_mnist_digits_come_back_as_the_very_same_pictures():
    digits = np.load(MNIST, allow_pickle=False)["x_test"][:500]
    for digit in digits:
        (found,) = digits_in_ink(read(images.to_png(digit)).ink)
        assert picture_hash(found.picture) == picture_hash(digit)


def test_mnist_digits_in_black_on_white_come_back_as_white_on_black():
    digits = np.load(MNIST, allow_pickle=False)["x_test"][:500]
    for digit in digits:
        (found,) = digits_in_ink(read(images.to_png(255 - digit)).ink)
        assert picture_hash(found.picture) == picture_hash(digit)


def test_an_empty_file_is_said_to_be_empty():
    with pytest.raises(PictureError, match="The file is empty"):
        read(b"")


@pytest.mark.parametrize(
    "data",
    [b"Dear Inkling, this is a 7.", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"%PDF-1.7", bytes(5000)],
)
def test_what_is_no_picture_is_refused_with_the_formats_that_can_be_read(data: bytes):
    with pytest.raises(PictureError, match="PNG, JPEG, WebP, GIF, BMP and TIFF can"):
        read(data)


def test_other_formats_that_pillow_knows_are_not_opened():
    with pytest.raises(PictureError, match="not a picture that can be read"):
        read(encoded(page(), "PPM"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_truncated_picture_is_damaged(kind: str):
    noise = np.random.default_rng(1).integers(0, 256, (200, 200), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(PictureError, match=r"damaged|not a picture"):
        read(data[: len(data) // 2])


def test_levels_that_cannot_be_turned_into_grey_are_told():
    bands = [page()] * 3
    with pytest.raises(PictureError, match="damaged"):
        read(encoded(Image.merge("LAB", bands), "TIFF"))


def test_a_picture_of_400_million_pixels_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
):
    data = png_that_says(20_000, 20_000)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("It was decoded."))
    with pytest.raises(TooManyPixelsError, match=r"has 20,000×20,000 pixels; at most 50,000,000"):
        read(data)


@pytest.mark.parametrize("reader", [images.decode, images.read_size, images.prepared_picture])
def test_the_limit_holds_for_every_reader(reader: Any):
    data = encoded(page())
    reader(data, max_pixels=280 * 300)
    with pytest.raises(TooManyPixelsError, match="at most 83,999 in all are read"):
        reader(data, max_pixels=280 * 300 - 1)


@given(st.binary(max_size=300))
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_are_a_photo_or_a_picture_error(data: bytes):
    try:
        read(data)
    except PictureError:
        return


@pytest.mark.parametrize("kind", images.FORMATS)
@pytest.mark.filterwarnings("ignore")
def test_any_change_of_a_few_bytes_gives_a_photo_or_a_picture_error(kind: str):
    sound = encoded(page().resize((70, 75)), kind)
    generator = np.random.default_rng(2)
    for _ in range(60):
        data = bytearray(sound)
        for place in generator.integers(0, min(len(data), 400), 3):
            data[place] = generator.integers(0, 256)
        try:
            photo = images.decode(bytes(data), max_pixels=100_000)
        except PictureError:
            continue
        digits_in_ink(photo.ink)


def test_read_size_tells_what_the_header_states():
    assert images.read_size(encoded(page()), max_pixels=ANY_SIZE) == (280, 300)


def test_a_png_holds_the_picture_as_it_was():
    picture = np.arange(784, dtype=np.uint16).astype(np.uint8).reshape(28, 28)
    assert (np.asarray(Image.open(io.BytesIO(images.to_png(picture)))) == picture).all()


def test_a_png_holds_colours_as_they_were():
    picture = np.arange(30, dtype=np.uint8).reshape(2, 5, 3)
    assert (np.asarray(Image.open(io.BytesIO(images.to_png(picture)))) == picture).all()


def prepared(data: bytes) -> Ink | None:
    return images.prepared_picture(data, max_pixels=ANY_SIZE)


def test_a_grey_picture_of_28_by_28_is_taken_as_prepared():
    picture = np.arange(784, dtype=np.uint16).astype(np.uint8).reshape(28, 28)
    assert (prepared(images.to_png(picture)) == picture).all()


@pytest.mark.parametrize(
    "image", [Image.new("L", (27, 28)), Image.new("RGB", (28, 28)), Image.new("L", (2000, 1000))]
)
def test_any_other_picture_is_not_taken_as_prepared(image: Image.Image):
    assert prepared(encoded(image)) is None
