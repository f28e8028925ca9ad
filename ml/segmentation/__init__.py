"""Ink to the digits in it: from pen strokes, or from a picture's ink."""

from ml.segmentation.drawing import digits_in_strokes
from ml.segmentation.editing import Source, in_box, split
from ml.segmentation.layout import Box, FoundDigit, Judge, in_reading_order
from ml.segmentation.paper import digits_in_ink

__all__ = [
    "Box",
    "FoundDigit",
    "Judge",
    "Source",
    "digits_in_ink",
    "digits_in_strokes",
    "in_box",
    "in_reading_order",
    "split",
]
