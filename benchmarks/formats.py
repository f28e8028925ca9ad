"""What a picture of 12 megapixels costs, format by format: memory, and processor time.

    .venv/bin/python -m benchmarks.formats [--only PART_OF_A_NAME]

Each file is read in a process of its own that has read a small picture before, as a worker has.
Memory is how far the process grows at most, with the file itself; time is that of one core.
"""

import argparse
import io
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.paper import laid_out, light
from ml import bundle, images
from ml.bundle import FAMILIES, PRETRAINED
from ml.reading import judge, read_digits
from ml.runtime import Recogniser
from ml.segmentation import digits_in_ink

MAX_PIXELS = 50_000_000
SIZE = (4000, 3000)
TIMES = 3
MEGABYTE = 1e6
LYING = 6
"""EXIF's orientation of a camera that was held upright."""

Save = Callable[[Image.Image, Path], object]


@dataclass(frozen=True)
class Cost:
    """What reading a file took: megabytes at most, and seconds to its ink and to the answer."""

    megabytes: float
    ink_seconds: float
    answer_seconds: float


def _as(mode: str, kind: str, **options: object) -> Save:
    """Return what saves a sheet in a mode of Pillow's."""
    return lambda sheet, file: sheet.convert(mode).save(file, kind, **options)


def _deep(kind: str, *, colours: bool) -> Save:
    """Return what saves a sheet with 16 bits for each grey level, or for each colour."""

    def save(sheet: Image.Image, file: Path) -> None:
        levels = np.asarray(sheet if colours else sheet.convert("L"), np.uint16) * 257
        done, data = cv2.imencode(f".{kind}", levels)
        assert done
        file.write_bytes(data.tobytes())

    return save


def _numbers(dtype: npt.DTypeLike) -> Save:
    """Return what saves a sheet as TIFF of 32-bit numbers."""
    return lambda sheet, file: Image.fromarray(np.asarray(sheet.convert("L"), dtype)).save(
        file, "TIFF"
    )


def _see_through(sheet: Image.Image) -> Image.Image:
    """Return the ink alone, on nothing."""
    seen = sheet.convert("RGBA")
    seen.putalpha(Image.eval(sheet.convert("L"), lambda level: 255 - level))
    return seen


def _lying(sheet: Image.Image, file: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = LYING
    sheet.save(file, "JPEG", quality=90, exif=exif)


FILES: dict[str, Save] = {
    "JPEG": _as("RGB", "JPEG", quality=90),
    "JPEG, progressive": _as("RGB", "JPEG", quality=90, progressive=True),
    "JPEG, camera upright": _lying,
    "JPEG, grey": _as("L", "JPEG", quality=90),
    "JPEG, CMYK": _as("CMYK", "JPEG", quality=90),
    "PNG": _as("RGB", "PNG"),
    "PNG, transparent": lambda sheet, file: _see_through(sheet).save(file, "PNG"),
    "PNG, palette": _as("P", "PNG"),
    "PNG, black and white": _as("1", "PNG"),
    "PNG, 16-bit grey": _deep("png", colours=False),
    "PNG, 16-bit colours": _deep("png", colours=True),
    "WebP": _as("RGB", "WEBP", quality=90),
    "WebP, transparent": lambda sheet, file: _see_through(sheet).save(file, "WEBP", quality=90),
    "GIF": _as("P", "GIF"),
    "BMP": _as("RGB", "BMP"),
    "TIFF": _as("RGB", "TIFF"),
    "TIFF, LZW": _as("RGB", "TIFF", compression="tiff_lzw"),
    "TIFF, CMYK": _as("CMYK", "TIFF"),
    "TIFF, 16-bit grey": _deep("tiff", colours=False),
    "TIFF, 16-bit colours": _deep("tiff", colours=True),
    "TIFF, 32-bit numbers": _numbers(np.int32),
    "TIFF, floating point": _numbers(np.float32),
}


def sheet() -> Image.Image:
    """Return a photograph of a written one, 4,000 by 3,000 pixels, with a grain."""
    page = laid_out([np.array([[0.0, 0], [5, 40], [0, 80]])], np.random.default_rng(1))
    seen = Image.open(io.BytesIO(light(page, np.random.default_rng(1)))).resize(SIZE)
    grain = np.random.default_rng(2).normal(0, 2, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.asarray(seen) + grain, 0, 255).astype(np.uint8))


def weighed(file: Path) -> Cost:
    """Read a file, and note how far this process grew at most, and how long it worked."""
    models = {family: Recogniser(bundle.load(PRETRAINED / family)) for family in FAMILIES}

    def to_ink() -> images.Photo:
        return images.decode(file.read_bytes(), max_pixels=MAX_PIXELS)

    def to_answer() -> None:
        photo = to_ink()
        found = digits_in_ink(photo.ink, photo.scale, judge(models))
        read_digits(np.stack([digit.picture for digit in found]), models)

    small = images.decode(light(laid_out([np.eye(2) * 60], _any()), _any()), max_pixels=MAX_PIXELS)
    digits_in_ink(small.ink, small.scale, judge(models))
    return Cost(_growth(to_answer), _seconds(to_ink), _seconds(to_answer))


def _any() -> np.random.Generator:
    return np.random.default_rng(1)


def _growth(do: Callable[[], object]) -> float:
    """Return by how many megabytes the process grows at most meanwhile.

    `resource.getrusage` would count what the process was before it became this one.
    """
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    before = _kilobytes("VmRSS:")
    do()
    return (_kilobytes("VmHWM:") - before) * 1024 / MEGABYTE


def _kilobytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _seconds(do: Callable[[], object]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.process_time()
        do()
        times.append(time.process_time() - began)
    return float(np.median(times))


def costs(files: dict[str, Save]) -> Iterator[tuple[str, float, Cost]]:
    """Give the name, the megabytes and the cost of each file."""
    page = sheet()
    spawn = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="inkling-bench-") as folder:
        for name, save in files.items():
            file = Path(folder) / "picture"
            save(page, file)
            with ProcessPoolExecutor(1, mp_context=spawn) as process:
                cost = process.submit(weighed, file).result()
            yield name, file.stat().st_size / MEGABYTE, cost


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="formats whose names hold this")
    only = parser.parse_args(arguments).only.lower()
    columns = ("format", "file", "memory", "time to ink", "to answer")
    table = Table(*columns, title=f"A picture of {SIZE[0]}×{SIZE[1]} pixels")
    for name, megabytes, cost in costs({n: s for n, s in FILES.items() if only in n.lower()}):
        seconds = (f"{one * 1e3:.0f} ms" for one in (cost.ink_seconds, cost.answer_seconds))
        table.add_row(name, f"{megabytes:.1f} MB", f"{cost.megabytes:.0f} MB", *seconds)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
