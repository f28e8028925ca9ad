"""The digits in pen strokes: the strokes themselves say what belongs together."""

from collections.abc import Sequence
from dataclasses import replace

from ml import strokes as pen
from ml.segmentation.cuts import ways_to_cut_stroke
from ml.segmentation.grouping import Craft
from ml.segmentation.layout import FoundDigit, Judge
from ml.segmentation.lines import read_lines, skew_of
from ml.segmentation.pieces import StrokePiece, digit_of_strokes
from ml.segmentation.turning import in_drawing, upright_stroke

STROKES = Craft(digit_of_strokes, ways_to_cut_stroke)

SINGLE_ASPECT = 0.8
"""A single stroke that is no wider than this part of its height does not run through two digits."""


def digits_in_strokes(
    drawing: Sequence[pen.Stroke], width: float, height: float, judge: Judge | None = None
) -> list[FoundDigit]:
    """Find the digits in a drawing, in reading order; an empty list if nothing was drawn.

    Args:
        drawing: each stroke float64 (n, 2), in units of the canvas.
        width, height: size of the canvas.
        judge: tells what looks like a digit; without one the strokes' places alone decide.
    """
    if pen.is_blank(drawing, max(width, height)):
        return []
    pieces = [StrokePiece(stroke) for stroke in drawing]
    if len(pieces) == 1 and pieces[0].box[2] <= SINGLE_ASPECT * pieces[0].box[3]:
        return [digit_of_strokes(pieces)]
    skew = skew_of(pieces)
    found = read_lines([upright_stroke(piece, skew) for piece in pieces], STROKES, judge)
    return [replace(digit, box=in_drawing(digit.box, skew, drawing)) for digit in found]
