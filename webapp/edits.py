"""Boxes merged, split and dropped by hand: the digits in them are read anew, the rest stays."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from werkzeug.exceptions import HTTPException

from ml import segmentation, strokes
from ml.preprocessing import Ink
from ml.reading import judge
from ml.segmentation import FoundDigit, Source
from webapp import recognition, serving
from webapp.db import begin_write, db
from webapp.errors import BadInputError, ConflictError
from webapp.models import Digit, Original, Submission
from webapp.models.types import now

Box = tuple[float, float, float, float]

NOT_KEPT = (
    "What was handed in is not kept on this site, only the digits in it, so that their boxes "
    "cannot be changed."
)
CHANGED_MEANWHILE = "These boxes were changed meanwhile. Load the page anew and look again."
FEWEST_TO_MERGE = 2


def merge(digit_ids: Sequence[str]) -> Submission:
    """Take several digits of a submission for one, read it, and commit.

    Raises:
        HTTPException: 400 for fewer than two digits or some of different submissions, 404 for
            what the asker may not see, 409 where no original is kept or a box was changed.
    """
    digits = [_digit(one) for one in dict.fromkeys(digit_ids)]
    if len(digits) < FEWEST_TO_MERGE:
        raise BadInputError("Choose at least two digits that are one, then merge them.")
    if len({digit.submission_id for digit in digits}) > 1:
        raise BadInputError("Only digits of the same drawing or picture can be merged.")
    around = _around([_box(digit) for digit in digits])
    others = digits[0].submission.digits if digits[0].submission else []
    if any(_is_inside(digit, around) for digit in others if digit not in digits):
        raise BadInputError("Another digit lies between them. Choose it as well, or drop it first.")
    return _put_in_place(digits, lambda source: [segmentation.in_box(source, around)])


def split(digit_id: str) -> Submission:
    """Cut a digit in two where that reads best, read both, and commit.

    Raises:
        HTTPException: 400 where there is nothing to cut, else as `merge` does.
    """
    digit, box = _digit(digit_id), _box(_digit(digit_id))
    look = judge(serving.live().recognisers)
    return _put_in_place([digit], lambda source: segmentation.split(source, box, look))


def drop(digit_id: str) -> Submission:
    """Take a digit out of the reading, and commit. Raises as `merge` does."""
    digit = _digit(digit_id)
    if digit.submission and len(digit.submission.digits) == 1:
        raise BadInputError("This is the only digit. Say that it is no digit, or delete the whole.")
    return _put_in_place([digit], lambda source: [])


def can_edit(submission: Submission) -> bool:
    """Tell whether what was handed in is kept, which changing boxes needs."""
    return submission.original is not None


def prepared_anew(digits: Iterable[Digit]) -> dict[str, Ink]:
    """Return digits' pictures as they are prepared today, from what was handed in.

    What digits have in common is decoded once.

    Returns:
        By the digit's id, uint8 (28, 28). A digit is left out if its original is not kept or cannot
        be read any more, or has no ink where the digit was.
    """
    together: dict[Submission, list[Digit]] = defaultdict(list)
    for digit in digits:
        if digit.submission and can_edit(digit.submission):
            together[digit.submission].append(digit)
    pictures = {}
    for submission, parts in together.items():
        with suppress(ValueError, HTTPException):
            source = _source(submission)
            for digit in parts:
                with suppress(ValueError):
                    pictures[digit.id] = segmentation.in_box(source, _box(digit)).picture
    return pictures


def _digit(digit_id: str) -> Digit:
    digit = recognition.own_digit(digit_id)
    if digit.submission is None or not can_edit(digit.submission):
        raise ConflictError(NOT_KEPT)
    if digit.replaced_at:
        raise ConflictError(CHANGED_MEANWHILE)
    return digit


def _box(digit: Digit) -> Box:
    return digit.x, digit.y, digit.width, digit.height


def _around(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds all of these.

    >>> _around([(10, 20, 5, 5), (14, 10, 6, 4)])
    (10, 10, 10, 15)
    """
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right = max(x + width for x, _, width, _ in boxes)
    bottom = max(y + height for _, y, _, height in boxes)
    return left, top, right - left, bottom - top


def _is_inside(digit: Digit, box: Box) -> bool:
    """Tell whether a digit's middle lies in a box."""
    left, top, width, height = box
    x, y = digit.x + digit.width / 2, digit.y + digit.height / 2
    return left <= x <= left + width and top <= y <= top + height


def _put_in_place(
    digits: Sequence[Digit], find: Callable[[Source], list[FoundDigit]]
) -> Submission:
    """Replace digits by what is found in their place; reading is done before anything is locked."""
    submission = digits[0].submission
    assert submission is not None
    ids = [digit.id for digit in digits]
    try:
        found = find(_source(submission))
    except ValueError as error:
        raise BadInputError(str(error)) from error
    live = serving.live()
    answers = recognition.ask(found, live)
    begin_write()
    submission = recognition.own_submission(submission.id)
    old = [digit for digit in submission.digits if digit.id in ids]
    if len(old) != len(ids):
        raise ConflictError(CHANGED_MEANWHILE)
    new = [
        recognition.found_digit(one, said, live, submission.visitor_id)
        for one, said in zip(found, answers, strict=True)
    ]
    _replace(submission, old, new)
    db.session.commit()
    db.session.expire(submission, ["digits", "replaced_digits"])
    return submission


def _replace(submission: Submission, old: Sequence[Digit], new: Sequence[Digit]) -> None:
    """Put new digits where the first of the old ones stood, and count the places anew."""
    first, moment = old[0], now()
    lines = {line[0].line: line for line in submission.lines}
    at = lines[first.line].index(first)
    lines[first.line][at:at] = new
    for digit in old:
        digit.replaced_at = moment
    for number, line in lines.items():
        for position, digit in enumerate(one for one in line if one not in old):
            digit.line, digit.position = number, position
    submission.digits.extend(new)


def _source(submission: Submission) -> Source:
    original = submission.original
    assert original is not None
    if original.media_type == recognition.STROKES_TYPE:
        return _drawing(original, submission)
    photo = recognition.decode(original.content)
    # What is kept may be smaller than what came in, whose pixels the boxes count.
    shrunk = submission.width / photo.width
    return Source.of_picture(replace(photo, scale=photo.scale * shrunk))


def _drawing(original: Original, submission: Submission) -> Source:
    value = json.loads(original.content)
    drawing = strokes.parse_strokes(value, max_points=len(original.content))
    return Source.of_strokes(drawing, submission.width, submission.height)
