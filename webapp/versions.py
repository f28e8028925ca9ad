"""`/versions`: the model versions, which of them are live, and how they came to be."""

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue

from ml.bundle import CARD_FILE, KERAS_FILE, TFLITE_FILE, BundleError
from webapp.auth import current_reviewer, reviewer_required
from webapp.db import begin_write, db
from webapp.errors import BadInputError, ConflictError
from webapp.models import ModelVersion, Promotion
from webapp.security import ONE_YEAR_SECONDS

log = logging.getLogger(__name__)

bp = Blueprint("versions", __name__, url_prefix="/versions")

NUM_PROMOTIONS = 20
MAX_REASON_LENGTH = 500
PLOT_KINDS = ("confusion", "learning", "calibration", "mistakes", "samples")
"""In the order in which they are shown; what a version has none of is left out."""
PLOT_FILES = frozenset(f"{kind}-{theme}.png" for kind in PLOT_KINDS for theme in ("light", "dark"))
FILES = (KERAS_FILE, TFLITE_FILE, CARD_FILE)


@dataclass(frozen=True)
class Plot:
    """A stored plot for light pages, and the same for dark ones."""

    kind: str
    light: str
    dark: str
    width: int
    height: int


@bp.get("")
def index() -> ResponseReturnValue:
    """List all versions and the newest promotions."""
    promotions = list(db.session.scalars(Promotion.newest(NUM_PROMOTIONS)))
    return render_template(
        "versions/index.html",
        versions=ModelVersion.newest_first(),
        promotions=promotions,
        live=_names(promotions[0] if promotions else None),
    )


@bp.get("/<name>")
def show(name: str) -> ResponseReturnValue:
    """Show one version's card and what the gate said of it."""
    version = _version(name)
    return render_template(
        "versions/show.html",
        version=version,
        live=_names(Promotion.current()),
        plots=_plots(version.plot_sizes),
        files=FILES,
    )


def _plots(sizes: Mapping[str, tuple[int, int]]) -> list[Plot]:
    """Return the plots that are there in both themes."""
    named = [(kind, f"{kind}-light.png", f"{kind}-dark.png") for kind in PLOT_KINDS]
    return [Plot(*names, *sizes[names[1]]) for names in named if sizes.keys() >= set(names[1:])]


@bp.get("/<name>/plots/<file>")
def plot(name: str, file: str) -> ResponseReturnValue:
    """Send a plot that was drawn when the version was made; it never changes."""
    content = _version(name).plot(file) if file in PLOT_FILES else None
    if content is None:
        abort(404, f"{name} has no plot called {file:.40}.")
    response = Response(content, mimetype="image/png")
    response.cache_control.public = True
    response.cache_control.max_age = ONE_YEAR_SECONDS
    response.cache_control.immutable = True
    return response


@bp.get("/<name>/files/<file>")
@reviewer_required
def download(name: str, file: str) -> ResponseReturnValue:
    """Send one file of a version to keep; damaged bytes are never sent."""
    version = _version(name)
    if file not in FILES:
        abort(404, f"{name} has no file called {file:.40}. It has {', '.join(FILES)}.")
    try:
        bundle = version.bundle()
    except BundleError as error:
        log.error("%s is not sent: %s", name, error)
        abort(500, f"{error} It is not sent. A backup of the site may hold it whole.")
    contents = {
        KERAS_FILE: bundle.keras,
        TFLITE_FILE: bundle.tflite,
        CARD_FILE: bundle.card.to_json().encode(),
    }
    _, _, ending = file.partition(".")
    return send_file(
        io.BytesIO(contents[file]),
        mimetype="application/json" if file == CARD_FILE else "application/octet-stream",
        as_attachment=True,
        download_name=f"{name}.{ending}",
        max_age=0,
    )


@bp.post("/<name>/promote")
@reviewer_required
def promote(name: str) -> ResponseReturnValue:
    """Make a version live."""
    reason = _reason()
    begin_write()
    version = _version(name)
    try:
        Promotion.promote([version], by=_reviewer_name(), reason=reason)
    except ValueError as error:
        raise ConflictError(str(error)) from error
    db.session.commit()
    flash(f"{version.name} is live.")
    return redirect(url_for(".index"), 303)


@bp.post("/roll-back")
@reviewer_required
def roll_back() -> ResponseReturnValue:
    """Make live again what the newest promotion replaced."""
    reason = _reason()
    begin_write()
    try:
        promotion = Promotion.roll_back(by=_reviewer_name(), reason=reason)
    except ValueError as error:
        raise ConflictError(str(error)) from error
    db.session.commit()
    flash(f"{promotion.cnn.name} and {promotion.dnn.name} are live again.")
    return redirect(url_for(".index"), 303)


def _version(name: str) -> ModelVersion:
    version = ModelVersion.named(name)
    if version is None:
        abort(404, f"There is no version called {name:.40}.")
    return version


def _names(promotion: Promotion | None) -> set[str]:
    return {version.name for version in promotion.versions.values()} if promotion else set()


def _reviewer_name() -> str:
    reviewer = current_reviewer()
    return reviewer.name if reviewer else ""


def _reason() -> str:
    reason = request.form.get("reason", "").strip()
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        raise BadInputError(f"Say why in 1 to {MAX_REASON_LENGTH} characters.")
    return reason
