"""Why a digit needs a reviewer's look, in words, and what it probably is."""

from ml.reading import NOT_A_DIGIT as NOT_A_DIGIT_WORD
from webapp.models import Correction, Digit, State

CONFIDENT = 0.9
"""An answer above this is called confident where a correction says otherwise."""
SMALL_MARGIN = 0.3
"""Below this the second label is named, too."""


def reasons_of(digit: Digit) -> list[str]:
    """Return why a digit is in the queue, the weightiest reason first."""
    standing = digit.correction
    found = []
    if digit.conflict:
        found.append(f"two people differ: {_either(_labels_said(digit))}")
    if standing and standing.suspect and standing.state == State.ACCEPTED:
        found.append(f"label suspected wrong: {word(standing.label)}")
    if standing and standing.state == State.PENDING:
        found.append(_why_it_waits(digit, standing))
    return [*found, *_doubts_of_the_answer(digit)]


def _why_it_waits(digit: Digit, correction: Correction) -> str:
    if correction.label == digit.label:
        return f"somebody confirmed it: {word(correction.label)}"
    confident = not digit.unsure and not digit.refused and (digit.confidence or 0) >= CONFIDENT
    if confident:
        return (
            f"the correction, {word(correction.label)}, differs from a confident answer: "
            f"{word(digit.label)} with {100 * (digit.confidence or 0):.0f} %"
        )
    return f"a correction waits: {word(correction.label)}"


def _doubts_of_the_answer(digit: Digit) -> list[str]:
    if digit.refused:
        return ["refused: it does not look like a digit"]
    if digit.disagree:
        return [f"models disagree: {_either([one.label for one in digit.models.values()])}"]
    if digit.unsure and digit.margin < SMALL_MARGIN:
        points = round(100 * digit.margin)
        labels = _either([label for label, _ in digit.alternatives[:2]])
        return [f"margin {points} {'point' if points == 1 else 'points'}: {labels}"]
    if digit.unsure:
        return [f"only {100 * (digit.confidence or 0):.0f} % sure"]
    return []


def _labels_said(digit: Digit) -> list[int | None]:
    live = (State.PENDING, State.ACCEPTED)
    return [one.label for one in digit.corrections if one.state in live]


def _either(labels: list[int | None] | list[int]) -> str:
    """Name labels, each once.

    >>> _either([4, 9, 4])
    '4 or 9'
    """
    return " or ".join(dict.fromkeys(word(label) for label in labels))


def word(label: int | None) -> str:
    """Return a label as people say it."""
    return NOT_A_DIGIT_WORD.replace("-", " ") if label is None else str(label)


def suggestion_of(digit: Digit) -> int | None:
    """Return the label that the digit probably has: what a person said, else what was read.

    Where a label is suspected wrong it is what was read; where two people differ, what was read if
    one of them says so, else the newest word. None is "not a digit".
    """
    standing = digit.correction
    if standing is None or standing.suspect or digit.label in _labels_said(digit):
        return digit.label
    return standing.label
