"""Many pictures on all cores."""

from pathlib import Path

import numpy as np
import pytest

from ml import bulk, strokes
from ml.bundle import FAMILIES, PRETRAINED, Bundle, Family, load
from ml.images import to_png
from tests import pen


@pytest.fixture(scope="module")
def bundles() -> dict[Family, Bundle]:
    return {family: load(PRETRAINED / family) for family in FAMILIES}


def written(folder: Path, label: int) -> Path:
    drawing = strokes.parse_strokes(pen.write(label), max_points=10_000)
    path = folder / f"{label}.png"
    path.write_bytes(to_png(255 - np.pad(strokes.render(drawing), 60)))
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_readings_come_in_the_order_of_the_files(
    tmp_path: Path, bundles: dict[Family, Bundle], processes: int
):
    paths = [written(tmp_path, label) for label in (7, 3, 1, 4, 2)]
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    found = list(bulk.read_files([bad, *paths], bundles, max_pixels=10**7, processes=processes))
    assert [one.reading for one in found] == ["", "7", "3", "1", "4", "2"]
    assert "not a picture" in str(found[0].problem)
    assert found[0].needs_look
    assert not found[1].needs_look


def test_a_file_that_is_not_there_is_told(tmp_path: Path, bundles: dict[Family, Bundle]):
    (found,) = bulk.read_files([tmp_path / "x.png"], bundles, max_pixels=10**7)
    assert "No such file" in str(found.problem)
    assert found.confidence is None


def test_an_empty_page_is_told(tmp_path: Path, bundles: dict[Family, Bundle]):
    path = tmp_path / "blank.png"
    path.write_bytes(to_png(np.full((90, 90), 255, np.uint8)))
    (found,) = bulk.read_files([path], bundles, max_pixels=10**7)
    assert found.problem == bulk.NOTHING_WRITTEN
