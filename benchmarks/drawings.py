"""Drawings to send: a three in an ordinary hand, never twice in the same place."""

import base64
import io
import json
import math
import random

from PIL import Image, ImageDraw

CANVAS = 280
PEN_WIDTH = 18
POINTS = 100

Stroke = list[list[float]]


def three(seed: int) -> Stroke:
    """Return one stroke of a hundred points on a canvas of 280×280."""
    hand = random.Random(seed)
    left, top, size = hand.uniform(60, 110), hand.uniform(30, 70), hand.uniform(40, 50)
    return [_on_three(left, top, size, at / (POINTS - 1)) for at in range(POINTS)]


def _on_three(left: float, top: float, size: float, way: float) -> list[float]:
    """Return the point after a part of the way (0..1) along two bows, one above the other."""
    lower = way >= 0.5
    angle = math.radians(-150 + 240 * 2 * way if not lower else -90 + 240 * (2 * way - 1))
    middle = top + size * (2.9 if lower else 1)
    radius = size * (1.0 if lower else 0.9)
    return [
        round(left + size + radius * math.cos(angle), 1),
        round(middle + radius * math.sin(angle), 1),
    ]


def as_strokes(seed: int) -> bytes:
    """Return a drawing as Inkling's own page sends it."""
    return json.dumps({"strokes": [three(seed)], "width": CANVAS, "height": CANVAS}).encode()


def as_data_url(seed: int) -> bytes:
    """Return the same drawing as the PNG of a canvas, white on black, in JSON."""
    picture = Image.new("L", (CANVAS, CANVAS))
    line = [(x, y) for x, y in three(seed)]
    ImageDraw.Draw(picture).line(line, fill=255, width=PEN_WIDTH, joint="curve")
    picture.save(file := io.BytesIO(), "PNG")
    encoded = base64.b64encode(file.getvalue()).decode()
    return json.dumps({"image": f"data:image/png;base64,{encoded}"}).encode()
