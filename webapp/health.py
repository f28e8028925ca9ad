"""`/healthz` and `/readyz`: for load balancers and for those who run a site."""

import numpy as np
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ml.bundle import FAMILIES, Family
from ml.preprocessing import SIDE
from webapp import serving
from webapp.db import db
from webapp.errors import UnavailableError

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process lives; says which versions it serves."""
    try:
        versions: dict[Family, str | None] = {
            family: one.name for family, one in serving.live().versions.items()
        }
    except (SQLAlchemyError, UnavailableError):
        versions = dict.fromkeys(FAMILIES)
    return jsonify(status="alive", versions=versions)


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """The database and both live models answer; 503 otherwise."""
    try:
        db.session.execute(text("SELECT 1"))
        live = serving.live()
    except SQLAlchemyError as error:
        raise UnavailableError("The database does not answer.") from error
    blank = np.zeros((1, SIDE, SIDE), np.uint8)
    for recogniser in live.recognisers.values():
        recogniser.recognise(blank)
    return jsonify(status="ready", versions={f: one.name for f, one in live.versions.items()})
