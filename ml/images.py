"""Pictures from strangers to ink: limits, orientation, polarity, paper."""

import io
import math
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ml.background import ink_of
from ml.preprocessing import SIDE, Ink

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
WORKING_SIDE = 2_000
"""Pixels on the longer side that are worked on and kept; a digit needs some twenty."""
KEPT_TYPE = "image/jpeg"
KEPT_QUALITY = 90
ORIENTATION = 0x0112
"""EXIF's tag for how the camera was held."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture upright, by its orientation."""
FIRST_ON_SIDE = 5
"""From this orientation on width and height change places."""
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    EOFError,
    LookupError,
    OverflowError,
    struct.error,
    cv2.error,
)
"""What decoders raise when the data does not hold what its header promised."""

# The limit of whoever calls is checked instead, before anything is decoded.
Image.MAX_IMAGE_PIXELS = None


class PictureError(ValueError):
    """The bytes are no picture that can be read."""


class TooManyPixelsError(PictureError):
    """The picture has more pixels than the limit allows."""


@dataclass(frozen=True)
class Photo:
    """A decoded picture.

    Attributes:
        ink: uint8 (height, width), 0 paper, 255 ink, at most 2,000 pixels a side.
        grey: uint8 (height, width), the picture as it was seen.
        width, height: of the picture that came in, after orientation.
        scale: pixels of the picture for one of `ink`.
        kept: the picture re-encoded as JPEG without metadata.
    """

    ink: Ink
    grey: Ink
    width: int
    height: int
    scale: float
    kept: bytes


def decode(data: bytes, *, max_pixels: int) -> Photo:
    """Decode a picture that somebody sent and find its ink.

    Args:
        data: the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file.
        max_pixels: width times height that is still read.

    Raises:
        TooManyPixelsError: the picture says it is larger; nothing was decoded.
        PictureError: the bytes are empty, broken, or of another kind.
    """
    image = _open(data, max_pixels)
    orientation = _orientation(image)
    width, height = image.size if orientation < FIRST_ON_SIDE else image.size[::-1]
    _draft(image)
    grey = _load(image, data, orientation)
    scale = max(width / grey.shape[1], height / grey.shape[0])
    return Photo(ink_of(grey), grey, width, height, scale, _keep(grey))


def read_size(data: bytes, *, max_pixels: int) -> tuple[int, int]:
    """Return width and height that a picture's header states; raises as `decode` does."""
    return _open(data, max_pixels).size


def use_own_thread_only() -> None:
    """Have OpenCV start no threads: they would not have the priority of whoever reads."""
    cv2.setNumThreads(1)


def to_png(picture: Ink) -> bytes:
    """Return a picture as a PNG file: uint8 (height, width) grey, (height, width, 3) colours."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def prepared_picture(data: bytes, *, max_pixels: int) -> Ink | None:
    """Return a 28×28 grey picture as uint8 (28, 28), or None if the picture is another one.

    Raises as `decode` does.
    """
    image = _open(data, max_pixels)
    if image.size != (SIDE, SIDE) or image.mode != "L":
        return None
    return _load(image, data)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header only."""
    if not data:
        raise PictureError("The file is empty. Choose a picture that has something in it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (UnidentifiedImageError, *DAMAGE) as error:
        raise PictureError(
            "This is not a picture that can be read. PNG, JPEG, WebP, GIF, BMP and TIFF can."
        ) from error
    if image.width * image.height > max_pixels:
        raise TooManyPixelsError(
            f"The picture has {image.width:,}×{image.height:,} pixels; at most {max_pixels:,} "
            "in all are read. Send it smaller: a digit needs no more than a few hundred."
        )
    return image


def _load(image: Image.Image, data: bytes, orientation: int = 1) -> Ink:
    """Decode to grey levels, shrunk to the working size, turned as the camera was held."""
    try:
        image = _in_levels(_decoded(image, data))
        image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        if orientation in TURNS:
            image = image.transpose(TURNS[orientation])
        return _grey(image)
    except DAMAGE as error:
        raise PictureError(
            "The picture is damaged: it ends too early or its data is broken. Save it once more."
        ) from error


def _decoded(image: Image.Image, data: bytes) -> Image.Image:
    """Return the first picture of the file in full size.

    Pillow holds a WebP picture four times over, OpenCV only twice.
    """
    if image.format != "WEBP":
        image.seek(0)
        image.load()
        return image
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if levels is None or levels.shape[:2] != image.size[::-1]:
        raise ValueError("The picture is not what its header says.")
    mode, order = ("RGBA", "BGRA") if levels.shape[2] == 4 else ("RGB", "BGR")
    return Image.frombytes(mode, image.size, levels.data, "raw", order)


def _draft(image: Image.Image) -> None:
    """Have a JPEG decoded smaller, and no more of it than its brightness."""
    part = min(1.0, WORKING_SIDE / max(image.size))
    size = math.floor(image.width * part), math.floor(image.height * part)
    image.draft(
        "L" if image.mode in ("L", "RGB") else image.mode, (max(1, size[0]), max(1, size[1]))
    )


def _in_levels(image: Image.Image) -> Image.Image:
    """Turn single bits and palettes into levels, which do not lose thin strokes in shrinking."""
    if image.mode not in ("1", "P", "PA"):
        return image
    see_through = image.mode == "PA" or "transparency" in image.info
    return image.convert("RGBA" if see_through else "L")


def _orientation(image: Image.Image) -> int:
    """Return how EXIF says that the camera was held, 1 where it says nothing that is known."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except DAMAGE:
        return 1
    return orientation if orientation in TURNS else 1


def _grey(image: Image.Image) -> Ink:
    """Return grey levels, uint8; what is transparent becomes paper."""
    if image.mode.startswith(("I", "F")):
        return _stretch(np.asarray(image, dtype=np.float64))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return _flatten(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _stretch(values: np.ndarray) -> Ink:
    """Scale 16-bit and floating levels to 0..255; levels of full range keep their meaning."""
    values = np.nan_to_num(values, nan=0.0, posinf=65535.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and 255 < high <= 65535:
        return np.asarray(values / 257, dtype=np.uint8)
    if low >= 0 and 1 < high <= 255:
        return values.astype(np.uint8)
    return np.asarray((values - low) * (255 / max(high - low, 1e-9)), dtype=np.uint8)


def _flatten(rgba: Ink) -> Ink:
    """Lay transparent ink on paper: on white, unless the ink itself is bright."""
    grey = cv2.cvtColor(rgba, cv2.COLOR_RGBA2GRAY).astype(np.float32)
    alpha = rgba[..., 3].astype(np.float32) / 255
    weight = alpha.sum(dtype=np.float64)
    bright = weight > 0 and (grey * alpha).sum(dtype=np.float64) / weight > 127
    see_through = (alpha < 0.5).mean() > 0.5
    paper = 0.0 if bright and see_through else 255.0
    return np.asarray(np.rint(grey * alpha + paper * (1 - alpha)), dtype=np.uint8)


def _keep(grey: Ink) -> bytes:
    """Re-encode what is kept of the picture; nothing of its metadata survives."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=KEPT_QUALITY)
    return file.getvalue()
