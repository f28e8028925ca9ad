"""Pages as people photograph and scan them, made by code around real ink.

Digits are drawn as lines of a pen on paper of several kinds, seen by a camera that is not held
quite straight, and saved as a phone or a scanner saves them.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.strokes import Stroke

Colours = npt.NDArray[np.float64]
"""Reflected light, float64 (height, width, 3), red, green, blue, 0..255."""

BLUE, BLACK, RED, GREEN = (35, 50, 140), (25, 25, 30), (190, 40, 40), (30, 110, 60)
PENCIL = (125, 125, 130)


@dataclass(frozen=True)
class Page:
    """Digits on a page before they are written.

    Attributes:
        strokes: in pixels of the page.
        height, width: of the page in pixels.
        digit: height of a digit in pixels.
    """

    strokes: Sequence[Stroke]
    height: int
    width: int
    digit: float


Kind = Callable[[Page, np.random.Generator], bytes]


def laid_out(
    strokes: Sequence[Stroke], generator: np.random.Generator, *, pixels: int = 1100
) -> Page:
    """Place digits somewhere on a page, at some size."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.maximum(high - low, 1.0)
    scale = min(
        generator.uniform(0.10, 0.35) * pixels / size[1],
        generator.uniform(0.6, 0.85) * pixels / size[0],
    )
    height, width = round(0.75 * pixels), pixels
    margin = 0.08 * pixels
    room = np.array([width, height]) - size * scale - 2 * margin
    corner = margin + generator.uniform(0, 1, 2) * np.maximum(room, 0)
    moved = [(stroke - low) * scale + corner for stroke in strokes]
    return Page(moved, height, width, size[1] * scale)


def _written(page: Page, pen: float) -> Colours:
    """Return how much ink covers each pixel, float64 (height, width), 0..1."""
    covered = np.zeros((page.height, page.width), np.uint8)
    for stroke in page.strokes:
        fixed = np.rint(stroke * 16).astype(np.int32)
        fixed = fixed if len(fixed) > 1 else np.repeat(fixed, 2, axis=0)
        cv2.polylines(covered, [fixed], False, 255, max(1, round(pen)), cv2.LINE_AA, 4)
    return covered / 255.0


def _sheet(page: Page, colour: Sequence[float]) -> Colours:
    return np.full((page.height, page.width, 3), colour, np.float64)


def _inked(sheet: Colours, covered: Colours, colour: Sequence[float]) -> Colours:
    """Lay ink on paper: it swallows light, so the darker of the two stays."""
    return sheet * (1 - covered[..., None]) + np.minimum(sheet, colour) * covered[..., None]


def _lit(sheet: Colours, generator: np.random.Generator, *, darkest: float) -> Colours:
    """Let light fall in from one side."""
    rows, columns = np.mgrid[0 : sheet.shape[0], 0 : sheet.shape[1]] / max(sheet.shape[:2])
    angle = generator.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    along = (along - along.min()) / (along.max() - along.min())
    return np.asarray(sheet * (darkest + (1 - darkest) * along)[..., None], dtype=np.float64)


def _tilted(sheet: Colours, generator: np.random.Generator, degrees: float) -> Colours:
    height, width = sheet.shape[:2]
    angle = generator.uniform(-degrees, degrees)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    turned = cv2.warpAffine(
        sheet, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(turned, dtype=np.float64)


def _seen(sheet: Colours, generator: np.random.Generator, *, blur: float, grain: float) -> Colours:
    blurred = cv2.GaussianBlur(sheet, (0, 0), max(blur, 0.1))
    noise = generator.normal(0, grain, sheet.shape[:2])[..., None]
    return np.asarray(blurred + noise, dtype=np.float64)


def _saved(sheet: Colours, kind: str, quality: int = 90) -> bytes:
    levels = np.clip(np.rint(sheet), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, kind, quality=quality)
    return file.getvalue()


def _pen(page: Page, generator: np.random.Generator) -> float:
    """Return a pen's width, as ball pens and felt pens have it beside a digit's height."""
    return float(np.clip(page.digit * generator.uniform(0.04, 0.1), 2, 30))


def _rules(page: Page, generator: np.random.Generator, *, across: bool) -> Colours:
    """Return the cover of ruled lines, 0..1; squares with `across`."""
    covered = np.zeros((page.height, page.width), np.float64)
    spacing = max(14.0, page.digit * generator.uniform(0.5, 1.6))
    thick = int(generator.choice([1, 2, 2, 3]))
    offset = generator.uniform(0, spacing)
    for at in np.arange(offset, page.height, spacing):
        covered[round(at) : round(at) + thick] = 1
    if across:
        for at in np.arange(generator.uniform(0, spacing), page.width, spacing):
            covered[:, round(at) : round(at) + thick] = 1
    return covered


def scan(page: Page, generator: np.random.Generator) -> bytes:
    """A clean scan: white paper, dark ink."""
    covered = _written(page, _pen(page, generator))
    sheet = _inked(_sheet(page, (248, 248, 246)), covered, BLACK)
    return _saved(_seen(sheet, generator, blur=0.6, grain=1.5), "PNG")


def light(page: Page, generator: np.random.Generator) -> bytes:
    """A photograph in slanting light."""
    ink = [BLUE, BLACK, RED, GREEN][generator.integers(4)]
    sheet = _inked(_sheet(page, (235, 230, 222)), _written(page, _pen(page, generator)), ink)
    sheet = _lit(_tilted(sheet, generator, 5), generator, darkest=generator.uniform(0.35, 0.7))
    return _saved(
        _seen(sheet, generator, blur=1.2, grain=3), "JPEG", int(generator.integers(50, 90))
    )


def ruled(page: Page, generator: np.random.Generator) -> bytes:
    """Ruled paper under a lamp."""
    sheet = _inked(
        _sheet(page, (240, 238, 232)), 0.8 * _rules(page, generator, across=False), (140, 165, 205)
    )
    sheet = _inked(sheet, _written(page, _pen(page, generator)), BLUE)
    sheet = _lit(_tilted(sheet, generator, 3), generator, darkest=0.65)
    return _saved(_seen(sheet, generator, blur=0.9, grain=3), "JPEG", 80)


def squared(page: Page, generator: np.random.Generator) -> bytes:
    """Squared paper."""
    sheet = _inked(
        _sheet(page, (243, 243, 240)), 0.7 * _rules(page, generator, across=True), (150, 160, 175)
    )
    sheet = _inked(sheet, _written(page, _pen(page, generator)), BLACK)
    sheet = _lit(_tilted(sheet, generator, 3), generator, darkest=0.75)
    return _saved(_seen(sheet, generator, blur=0.8, grain=2.5), "JPEG", 85)


def pencil(page: Page, generator: np.random.Generator) -> bytes:
    """A thin pencil on grainy paper."""
    covered = _written(page, max(2.0, page.digit * 0.025))
    rough = np.clip(generator.normal(0.75, 0.2, covered.shape), 0, 1)
    sheet = _inked(_sheet(page, (225, 222, 215)), covered * rough, PENCIL)
    sheet = _lit(_tilted(sheet, generator, 4), generator, darkest=0.6)
    return _saved(_seen(sheet, generator, blur=0.8, grain=4), "JPEG", 85)


def blurred(page: Page, generator: np.random.Generator) -> bytes:
    """A hasty photograph: unsharp, much compressed."""
    sheet = _inked(_sheet(page, (215, 212, 205)), _written(page, _pen(page, generator)), BLUE)
    sheet = _lit(_tilted(sheet, generator, 8), generator, darkest=0.5)
    return _saved(_seen(sheet, generator, blur=page.digit * 0.012, grain=5), "JPEG", 35)


def framed(page: Page, generator: np.random.Generator) -> bytes:
    """A scanned form: the number stands in a printed box."""
    points = np.concatenate(page.strokes)
    gap = page.digit * generator.uniform(0.15, 0.4)
    low, high = points.min(axis=0) - gap, points.max(axis=0) + gap
    covered = np.zeros((page.height, page.width), np.uint8)
    upper, lower = np.rint([low, high]).astype(int).tolist()
    cv2.rectangle(covered, upper, lower, 255, int(generator.choice([2, 3, 4])))
    sheet = _inked(_sheet(page, (250, 250, 250)), covered / 255.0, (60, 60, 60))
    sheet = _inked(sheet, _written(page, _pen(page, generator)), BLUE)
    return _saved(_seen(_tilted(sheet, generator, 2), generator, blur=0.7, grain=2), "PNG")


def board(page: Page, generator: np.random.Generator) -> bytes:
    """White chalk on a dark board."""
    covered = _written(page, _pen(page, generator))
    rough = np.clip(generator.normal(0.8, 0.15, covered.shape), 0, 1) * covered
    sheet = _sheet(page, (45, 60, 52)) * (1 - rough[..., None]) + 225 * rough[..., None]
    sheet = _lit(_tilted(sheet, generator, 4), generator, darkest=0.7)
    return _saved(_seen(sheet, generator, blur=1.0, grain=4), "JPEG", 75)


def half_shadowed(page: Page, generator: np.random.Generator) -> bytes:
    """A page that lies half in the shadow of something straight."""
    sheet = _inked(_sheet(page, (238, 236, 230)), _written(page, _pen(page, generator)), BLUE)
    rows, columns = np.mgrid[0 : page.height, 0 : page.width]
    angle, place = generator.uniform(0, 2 * np.pi), generator.uniform(0.3, 0.7, 2)
    beyond = (columns - page.width * place[0]) * np.cos(angle)
    beyond += (rows - page.height * place[1]) * np.sin(angle)
    shade = 1 / (1 + np.exp(-np.clip(beyond / generator.uniform(1, 8), -50, 50)))
    sheet = _tilted(sheet * (1 - 0.4 * shade)[..., None], generator, 4)
    return _saved(_seen(sheet, generator, blur=0.9, grain=3), "JPEG", 75)


def shadowed(page: Page, generator: np.random.Generator) -> bytes:
    """A photograph with the shadow of a hand across cream paper, in brown ink."""
    covered = _written(page, _pen(page, generator))
    sheet = _inked(_sheet(page, (236, 222, 190)), covered, (90, 55, 30))
    shade = np.zeros((page.height, page.width), np.uint8)
    corners = generator.uniform(0, 1, (5, 2)) * [page.width, page.height]
    cv2.fillPoly(shade, [np.rint(cv2.convexHull(corners.astype(np.float32))).astype(np.int32)], 255)
    soft = cv2.GaussianBlur(shade / 255.0, (0, 0), generator.uniform(4, 25))
    sheet = _tilted(sheet * (1 - 0.45 * soft)[..., None], generator, 5)
    return _saved(_seen(sheet, generator, blur=1.0, grain=4), "JPEG", 70)


def recycled(page: Page, generator: np.random.Generator) -> bytes:
    """Squared, fibrous, creased grey paper, in green ink."""
    fibres = generator.normal(0, 1, (page.height, page.width))
    rough = cv2.GaussianBlur(fibres, (0, 0), 1.5) * 3 + cv2.GaussianBlur(fibres, (0, 0), 20) * 20
    crease = (
        np.cumsum(generator.normal(0, 0.4, page.width)) + generator.uniform(0.2, 0.8) * page.height
    )
    rows = np.arange(page.height)[:, None]
    folded = 1 - 0.12 * np.exp(-(((rows - crease) / 6) ** 2)) - 0.08 * (rows > crease)
    sheet = _inked(
        _sheet(page, (205, 200, 190)), 0.5 * _rules(page, generator, across=True), (150, 140, 150)
    )
    sheet = _inked(sheet, _written(page, _pen(page, generator)), GREEN)
    sheet = _tilted((sheet + rough[..., None] * 2) * folded[..., None], generator, 4)
    return _saved(_seen(sheet, generator, blur=0.9, grain=3), "JPEG", 80)


def glossy(page: Page, generator: np.random.Generator) -> bytes:
    """A thick marker on a whiteboard that mirrors a lamp, photographed from the side."""
    ink = [BLUE, BLACK, RED, GREEN][generator.integers(4)]
    covered = _written(page, page.digit * generator.uniform(0.08, 0.12))
    sheet = _inked(_sheet(page, (205, 212, 216)), covered * 0.9, ink)
    rows, columns = np.mgrid[0 : page.height, 0 : page.width]
    middle = generator.uniform(0.1, 0.9, 2) * [page.height, page.width]
    reach = generator.uniform(0.1, 0.25, 2) * page.width
    lamp = np.exp(-(((rows - middle[0]) / reach[0]) ** 2) - ((columns - middle[1]) / reach[1]) ** 2)
    sheet = _from_the_side(sheet + 80 * lamp[..., None], generator)
    return _saved(_seen(sheet, generator, blur=0.8, grain=3), "JPEG", 80)


def _from_the_side(sheet: Colours, generator: np.random.Generator) -> Colours:
    """Move each corner by up to a twentieth of the page."""
    height, width = sheet.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + generator.uniform(-0.05, 0.05, (4, 2)).astype(np.float32) * [width, height]
    turn = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(sheet, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.float64)


KINDS: dict[str, Kind] = {
    "clean scan": scan,
    "slanting light, coloured ink": light,
    "ruled paper": ruled,
    "squared paper": squared,
    "thin pencil": pencil,
    "unsharp, compressed": blurred,
    "in a printed box": framed,
    "chalk on a board": board,
    "half in a shadow": half_shadowed,
    "shadow of a hand, cream paper": shadowed,
}
"""Looked at while the reading was made."""

FINAL_KINDS: dict[str, Kind] = {
    "creased squared grey paper": recycled,
    "marker on a whiteboard, from the side": glossy,
}
"""Kept for the final figure: no choice was made on them."""
