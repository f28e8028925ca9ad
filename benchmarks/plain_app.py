"""The plain way to put a digit model on the web, as it is often shown; here to compare with.

Keras in the web process, a resize to 28×28, `model.predict` for one picture, a row in SQLite. It
gets the same work as Inkling: a drawing is answered by both shipped models and saved.
"""

import base64
import io
import os
import sqlite3

import keras
import numpy as np
import numpy.typing as npt
from flask import Flask, request
from flask.typing import ResponseReturnValue
from PIL import Image

from ml.bundle import FAMILIES, KERAS_FILE, PRETRAINED
from ml.preprocessing import SIDE

DATABASE = os.environ["PLAIN_DATABASE"]
MODELS = {family: keras.models.load_model(PRETRAINED / family / KERAS_FILE) for family in FAMILIES}

app = Flask(__name__)


@app.get("/")
def index() -> ResponseReturnValue:
    """Make the table and tell that the process is up."""
    with sqlite3.connect(DATABASE) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS answer (family TEXT, label INTEGER)")
    connection.close()
    return {}


@app.post("/predict")
def predict() -> ResponseReturnValue:
    """Answer `{"image": "data:image/png;base64,…"}` with one label a model, and save them."""
    encoded = request.get_json()["image"].partition(",")[2]
    picture = shrunk(base64.b64decode(encoded))
    labels: dict[str, int] = {
        family: int(np.argmax(model.predict(picture, verbose=0)[0, :10]))
        for family, model in MODELS.items()
    }
    save(labels)
    return labels


def shrunk(png: bytes) -> npt.NDArray[np.float32]:
    """Return a picture shrunk to float32 (1, 28, 28) in 0..1."""
    small = Image.open(io.BytesIO(png)).convert("L").resize((SIDE, SIDE))
    return np.asarray(small, np.float32)[None] / np.float32(255)


def save(labels: dict[str, int]) -> None:
    """Write one row a model."""
    with sqlite3.connect(DATABASE) as connection:
        connection.executemany("INSERT INTO answer VALUES (?, ?)", labels.items())
    connection.close()
