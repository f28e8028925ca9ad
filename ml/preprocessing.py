"""One digit's ink to 28×28 grey levels, made the way MNIST was made.

The recipe is that of Y. LeCun, C. Cortes and C. J. C. Burges ("The MNIST database of handwritten
digits"): the digit is fitted into a 20×20 box with its aspect kept, antialiased, and placed in a
28×28 field so that its centre of mass lies at the centre.
"""

import hashlib

import cv2
import numpy as np
import numpy.typing as npt

Ink = npt.NDArray[np.uint8]
"""Grey levels, uint8 (height, width): 0 is paper, 255 is ink."""

VERSION = 1
"""Changes whenever the same ink gives other pixels; stands with each digit and each model."""

SIDE = 28
BOX_SIDE = 20
PIXELS = SIDE * SIDE

CENTRE = 14.5
"""Where MNIST's centres of mass lie, in pixels from the edge: the middle of pixel 14."""

HOLDOUT_ONE_IN = 5
"""One correction in five is never trained on, so that a retraining can be judged on it."""


class NoInkError(ValueError):
    """There is nothing that could be prepared."""


def ink_box(ink: Ink) -> tuple[int, int, int, int] | None:
    """Return `(x, y, width, height)` of all that is not paper, or None if all is paper."""
    columns = np.flatnonzero(ink.any(axis=0))
    rows = np.flatnonzero(ink.any(axis=1))
    if not columns.size:
        return None
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def prepare(ink: Ink) -> Ink:
    """Make the picture that the models see out of one digit's ink.

    Args:
        ink: uint8 (height, width), one digit anywhere on it.

    Returns:
        uint8 (28, 28), the digit in a 20×20 box, centre of mass at the centre.

    Raises:
        NoInkError: there is no ink, or too little for 28×28 to show it.
    """
    box = ink_box(ink)
    if box is None:
        raise NoInkError("There is no ink to prepare: every pixel is paper.")
    x, y, width, height = box
    return _centre(fitted(ink[y : y + height, x : x + width], BOX_SIDE))


def fitted(ink: Ink, side: int) -> Ink:
    """Return the ink, uint8 (height, width), scaled to `side` pixels on its longer side."""
    height, width = ink.shape
    scale = side / max(height, width)
    if scale == 1:
        return ink
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(ink, size, interpolation=method), dtype=np.uint8)


def _centre(digit: Ink) -> Ink:
    """Place a digit of at most 20×20 so that its centre of mass is the field's centre."""
    height, width = digit.shape
    mass = digit.sum(dtype=np.int64)
    if not mass:
        raise NoInkError("The ink is too faint to prepare.")
    mass_x = (digit.sum(axis=0, dtype=np.int64) @ (np.arange(width) + 0.5)) / mass
    mass_y = (digit.sum(axis=1, dtype=np.int64) @ (np.arange(height) + 0.5)) / mass
    left = int(np.clip(np.rint(CENTRE - mass_x), 0, SIDE - width))
    top = int(np.clip(np.rint(CENTRE - mass_y), 0, SIDE - height))
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[top : top + height, left : left + width] = digit
    return field


def picture_hash(picture: Ink) -> str:
    """Return the SHA-256, in hex, of a prepared digit's 784 bytes."""
    return hashlib.sha256(np.ascontiguousarray(picture, dtype=np.uint8).tobytes()).hexdigest()


def is_holdout(sha256: str) -> bool:
    """Tell whether the picture with this hash belongs to the fifth that is never trained on."""
    return int(sha256[:8], 16) % HOLDOUT_ONE_IN == 0
