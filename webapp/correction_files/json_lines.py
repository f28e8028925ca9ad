"""JSON lines: each correction with all that is known of it, one object a line."""

import base64
import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from flask import current_app

from ml import images, preprocessing, segmentation, strokes
from ml.datasets import NUM_DIGITS
from ml.preprocessing import Ink
from ml.reading import NOT_A_DIGIT
from webapp.correction_files.records import Drawing, Fault, Lesson, Said
from webapp.models.corrections import check_label
from webapp.recognition import MAX_CANVAS_SIDE


def read(lines: Iterable[str]) -> Iterator[Lesson | Fault]:
    """Read what each line says; a faulty one by its number."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield parse(line)
        except ValueError as error:
            yield Fault(f"line {number}", str(error))


def write(lessons: Iterable[Lesson], file: IO[bytes]) -> int:
    """Write a line for each correction and return how many there are."""
    count = 0
    for lesson in lessons:
        file.write(line_of(lesson).encode() + b"\n")
        count += 1
    return count


def line_of(lesson: Lesson) -> str:
    """Return the line of one correction."""
    sha256 = lesson.sha256
    values: dict[str, Any] = {
        "image": base64.b64encode(images.to_png(lesson.picture)).decode(),
        "label": lesson.label,
        "holdout": preprocessing.is_holdout(sha256),
        "preprocessing_version": lesson.preprocessing_version,
        "corrected_at": lesson.corrected_at.isoformat() if lesson.corrected_at else None,
    }
    if lesson.said:
        values["read_as"] = lesson.said.label
        values["confidence"] = lesson.said.confidence
        values["unsure"] = lesson.said.unsure
        values["alternatives"] = lesson.said.alternatives
        values["read_at"] = lesson.said.read_at.isoformat()
    if lesson.drawing:
        drawn = dataclasses.asdict(lesson.drawing)
        values["drawing"] = drawn | {"strokes": json.loads(lesson.drawing.strokes)}
    return json.dumps(values)


def parse(line: str) -> Lesson:
    """Read one line: `{"strokes": … or "image": base64, "label": 0–9 or null}`.

    What an export says besides is taken over where it is there: a `drawing` beside a prepared
    image is where it comes from, and is not read again.

    Raises:
        ValueError: the line is not of this form, or does not hold exactly one digit.
    """
    try:
        values: Any = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(values, dict) or "label" not in values:
        raise ValueError('expected {"strokes": … or "image": …, "label": 0–9 or null}')
    label = check_label(values["label"])
    if ("image" in values) == ("strokes" in values):
        raise ValueError("expected one of strokes and image")
    if "strokes" in values:
        return _drawn_lesson(values, label)
    picture, prepared = _image(values["image"])
    return Lesson(
        picture=picture,
        label=label,
        preprocessing_version=_version(values) if prepared else preprocessing.VERSION,
        corrected_at=_moment(values, "corrected_at"),
        said=_said(values) if prepared and "read_as" in values else None,
        drawing=_drawing(values["drawing"]) if values.get("drawing") and prepared else None,
    )


def _drawn_lesson(values: dict[str, Any], label: int | None) -> Lesson:
    """Find the digit in strokes, and keep them with it, on a canvas that holds them."""
    parsed = _parsed(values["strokes"])
    found = _only(segmentation.digits_in_strokes(parsed, 0, 0) if parsed else [])
    x, y, width, height = found.box
    drawing = Drawing(
        _compact(values["strokes"]),
        width=_around(x + width),
        height=_around(y + height),
        box=found.box,
    )
    corrected_at = _moment(values, "corrected_at")
    return Lesson(found.picture, label, corrected_at=corrected_at, drawing=drawing)


def _drawing(value: object) -> Drawing:
    """Read where a prepared digit comes from, as `line_of` writes it."""
    if not isinstance(value, dict) or not _parsed(value.get("strokes")):
        raise ValueError("drawing must hold strokes, width, height and box")
    return Drawing(
        _compact(value["strokes"]),
        width=_side(value.get("width"), "width"),
        height=_side(value.get("height"), "height"),
        box=_box(value.get("box")),
        line=_place(value.get("line", 0), "line"),
        position=_place(value.get("position", 0), "position"),
    )


def _parsed(value: object) -> list[strokes.Stroke]:
    return strokes.parse_strokes(value, max_points=current_app.config["INKLING_MAX_POINTS"])


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _around(end: float) -> int:
    """Return the side of a canvas on which the ink ends there."""
    return min(max(1, math.ceil(end)), MAX_CANVAS_SIDE)


def _side(value: object, name: str) -> int:
    if type(value) not in (int, float) or not 1 <= value <= MAX_CANVAS_SIDE:  # type: ignore[operator]
        raise ValueError(f"{name} must be a number from 1 to {MAX_CANVAS_SIDE}, not {value!r:.40}")
    return round(value)  # type: ignore[call-overload,no-any-return]


def _box(value: object) -> tuple[float, float, float, float]:
    sides = value if isinstance(value, list) else []
    good = [one for one in sides if type(one) in (int, float) and math.isfinite(one)]
    if len(good) != 4 or len(sides) != 4:
        raise ValueError(f"box must be [x, y, width, height], not {value!r:.80}")
    x, y, width, height = map(float, good)
    return x, y, width, height


def _place(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < MAX_CANVAS_SIDE:
        raise ValueError(f"{name} must be a number from 0, not {value!r:.40}")
    return value


def _image(encoded: object) -> tuple[Ink, bool]:
    """Return the picture, and whether it was prepared already."""
    if not isinstance(encoded, str):
        raise ValueError("image is not base64 text")
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise ValueError(f"image is not base64 ({error})") from error
    limit = current_app.config["INKLING_MAX_PIXELS"]
    prepared = images.prepared_picture(data, max_pixels=limit)
    if prepared is None:
        photo = images.decode(data, max_pixels=limit)
        return _only(segmentation.digits_in_ink(photo.ink, photo.scale)).picture, False
    if not prepared.any():
        raise ValueError("the picture is blank")
    return prepared, True


def _only(found: list[segmentation.FoundDigit]) -> segmentation.FoundDigit:
    if len(found) != 1:
        raise ValueError(f"expected exactly one digit, found {len(found)}")
    return found[0]


def _version(values: dict[str, Any]) -> int:
    version = values.get("preprocessing_version", preprocessing.VERSION)
    if type(version) is not int or not 0 <= version <= preprocessing.VERSION:
        raise ValueError(
            f"preprocessing_version must be a number up to {preprocessing.VERSION}, which this "
            f"version of Inkling knows, not {version!r:.40}"
        )
    return version


def _moment(values: dict[str, Any], name: str) -> datetime | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not a moment as in ISO 8601: {text!r:.40}") from error
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no time zone: {text}")
    return moment


def _said(values: dict[str, Any]) -> Said | None:
    """Return what was read then, None where the line does not tell all of it."""
    read_at, unsure = _moment(values, "read_at"), values.get("unsure")
    if read_at is None or type(unsure) is not bool:
        return None
    label = check_label(values["read_as"])
    return Said(
        label=label,
        confidence=_share(values.get("confidence")),
        unsure=unsure,
        refused=NOT_A_DIGIT if label is None else None,
        alternatives=_alternatives(values.get("alternatives")),
        read_at=read_at,
    )


def _alternatives(value: object) -> tuple[tuple[int, float], ...]:
    pairs = value if isinstance(value, list) else []
    if not 1 <= len(pairs) <= NUM_DIGITS or not all(map(_is_pair, pairs)):
        raise ValueError("alternatives must be pairs of a label, 0–9, and how likely it is")
    return tuple((label, _share(share)) for label, share in pairs)


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] in range(NUM_DIGITS)


def _share(value: object) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:  # type: ignore[arg-type, operator]
        raise ValueError(f"confidence must be a number from 0 to 1, not {value!r:.40}")
    return float(value)  # type: ignore[arg-type]
