"""`/versions`: the model versions, which of them are live, and how they came to be."""

import io
import logging
from dataclasses import dataclass
from typing import Any

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

from ml.bundle import CARD_FILE, FAMILIES, FORMATS, BundleError, Family, outside_name
from ml.evaluation import Comparison, compare_cards, digit_figures_of, in_words
from webapp.auth import current_reviewer, reviewer_required
from webapp.db import begin_write, db
from webapp.errors import BadInputError, ConflictError
from webapp.models import ModelVersion, Promotion
from webapp.models.versions import REPORT_FILE
from webapp.reports import PLOT_KINDS, Plot, highlights, plots_of, worst_styles
from webapp.security import ONE_YEAR_SECONDS

log = logging.getLogger(__name__)

bp = Blueprint("versions", __name__, url_prefix="/versions")

NUM_PROMOTIONS = 20
MAX_REASON_LENGTH = 500
PLOT_FILES = frozenset(f"{kind}-{theme}.png" for kind in PLOT_KINDS for theme in ("light", "dark"))


@dataclass(frozen=True)
class Entry:
    """A version in the line of its family: what it gained, and its plots."""

    version: ModelVersion
    highlights: list[dict[str, Any]]
    plots: list[Plot]


@dataclass(frozen=True)
class Beside:
    """The live version of the other family, and where both read the test set differently."""

    version: ModelVersion
    comparison: Comparison


@bp.get("")
def index() -> ResponseReturnValue:
    """Show the line of versions of each family, and the newest promotions."""
    promotions = list(db.session.scalars(Promotion.newest(NUM_PROMOTIONS)))
    return render_template(
        "versions/index.html",
        families=_families(),
        whole=ModelVersion.with_files(),
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
        plots=plots_of(version.plot_sizes),
        files={file: outside_name(name, file) for file in _files(version)},
        lacking=[form for form, file in FORMATS.items() if file not in version.card.files],
        digits=digit_figures_of(version.card),
        worst_styles=worst_styles(version.card),
        beside=_beside(version),
        in_words=in_words,
        has_report=version.name in ModelVersion.with_files(REPORT_FILE),
    )


def _files(version: ModelVersion) -> list[str]:
    """Return the names of a version's files that can be downloaded: none once it was pruned."""
    if not version.has_files:
        return []
    return [*(file for file in FORMATS.values() if file in version.card.files), CARD_FILE]


def _beside(version: ModelVersion) -> Beside | None:
    """Compare a version with the other family's live one; None where a card knows too little."""
    current = Promotion.current()
    if current is None:
        return None
    (other,) = (one for family, one in current.versions.items() if family != version.family)
    found = compare_cards(version.card, other.card)
    return Beside(other, found) if found else None


def _families() -> dict[Family, list[Entry]]:
    """Return the versions of each family, newest first."""
    sizes = ModelVersion.all_plot_sizes()
    entries = [
        Entry(version, highlights(version), plots_of(sizes.get(version.name, {})))
        for version in ModelVersion.newest_first()
    ]
    return {
        family: [entry for entry in entries if entry.version.family == family]
        for family in FAMILIES
    }


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


@bp.get("/<name>/report.html")
@reviewer_required
def report(name: str) -> ResponseReturnValue:
    """Send the report that was written when the version was made, to keep."""
    content = _version(name).report()
    if content is None:
        abort(404, f"{name} has no report. flask prepare writes what is missing.")
    return send_file(
        io.BytesIO(content),
        mimetype="text/html",
        as_attachment=True,
        download_name=f"{name}-report.html",
        max_age=0,
    )


@bp.get("/<name>/files/<file>")
@reviewer_required
def download(name: str, file: str) -> ResponseReturnValue:
    """Send one file of a version to keep; damaged bytes are never sent."""
    version = _version(name)
    if file not in _files(version):
        has = ", ".join(_files(version))
        abort(404, f"{name} has no file called {file:.40}. It has {has}.")
    try:
        bundle = version.bundle()
    except BundleError as error:
        log.error("%s is not sent: %s", name, error)
        abort(500, f"{error} It is not sent. A backup of the site may hold it whole.")
    contents = {**bundle.files, CARD_FILE: bundle.card.to_json().encode()}
    return send_file(
        io.BytesIO(contents[file]),
        mimetype="application/json" if file == CARD_FILE else "application/octet-stream",
        as_attachment=True,
        download_name=outside_name(name, file),
        max_age=0,
    )


@bp.post("/<name>/promote")
@reviewer_required
def promote(name: str) -> ResponseReturnValue:
    """Make a version live."""
    reason = _reason()
    begin_write()
    version = _version(name)
    recorded = " ".join(part for part in (reason, version.objections) if part)
    try:
        Promotion.promote([version], by=_reviewer_name(), reason=recorded)
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
