"""The least that Flask can answer: what every other figure is compared with."""

from flask import Flask
from flask.typing import ResponseReturnValue

app = Flask(__name__)


@app.get("/")
def index() -> ResponseReturnValue:
    """Tell that the process is up."""
    return {}


@app.post("/predict")
def predict() -> ResponseReturnValue:
    """Answer at once, whatever came."""
    return {}
