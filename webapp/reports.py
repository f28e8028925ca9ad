"""A report of each version: one HTML file that needs nothing else, written when it is made.

Commands write it, never a request: it is kept with the version's files and only sent.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app

from ml.bundle import Card
from ml.evaluation import digit_figures_of
from webapp.db import begin_write, db
from webapp.models import ModelFile, ModelVersion
from webapp.models.versions import REPORT_FILE

STYLES = ("values", "meanings", "base", "card", "versions")
PLOT_KINDS = ("confusion", "learning", "calibration", "mistakes", "samples")
"""In the order in which they are shown; what a version has none of is left out."""

NUM_STYLES = 12
"""So many styles are shown; all of them stand in the card."""

HIGHLIGHTS = (
    "corrections read wrong",
    "held-out corrections",
    "MNIST, unseen",
    "MNIST gate split",
    "synthetic styles",
)
"""What the gate compared that says in a few lines what a version gained; older reports call
MNIST's unseen digits by their split."""


@dataclass(frozen=True)
class Plot:
    """A stored plot for light pages, and the same for dark ones."""

    kind: str
    light: str
    dark: str
    width: int
    height: int


def plots_of(sizes: Mapping[str, tuple[int, int]]) -> list[Plot]:
    """Return the plots that are there in both themes, by the sizes of those that are there."""
    named = [(kind, f"{kind}-light.png", f"{kind}-dark.png") for kind in PLOT_KINDS]
    return [Plot(*names, *sizes[names[1]]) for names in named if sizes.keys() >= set(names[1:])]


def highlights(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the few rows of what the gate compared that tell what a version gained."""
    rows: Sequence[dict[str, Any]] = (version.report_json or {}).get("rows", [])
    chosen = [row for row in rows if row["name"] in HIGHLIGHTS]
    return sorted(chosen, key=lambda row: HIGHLIGHTS.index(row["name"]))


def worst_styles(card: Card) -> list[tuple[str, Mapping[str, float]]]:
    """Return the synthetic writer's styles that are read worst, worst first."""
    return sorted(card.styles.items(), key=lambda item: item[1]["accuracy"])[:NUM_STYLES]


def write_missing() -> int:
    """Write the report of every version that has its files and no report yet, and commit.

    Returns:
        How many were written.
    """
    begin_write()
    missing = sorted(ModelVersion.with_files() - ModelVersion.with_files(REPORT_FILE))
    for name in missing:
        version = db.session.get_one(ModelVersion, name)
        db.session.add(ModelFile.of(version, REPORT_FILE, render(version).encode()))
    db.session.commit()
    return len(missing)


def render(version: ModelVersion) -> str:
    """Return the report of a version as HTML, with styles and plots in it."""
    template = current_app.jinja_env.get_template("versions/report.html")
    plots = plots_of(version.plot_sizes)
    return template.render(
        version=version,
        card=version.card,
        digits=digit_figures_of(version.card),
        worst_styles=worst_styles(version.card),
        styles=_styles(),
        plots=plots,
        pictures={
            file: _data_uri(version.plot(file) or b"")
            for one in plots
            for file in (one.light, one.dark)
        },
    )


def _styles() -> str:
    folder = Path(current_app.static_folder or "static") / "css"
    return "\n".join((folder / f"{name}.css").read_text("utf-8") for name in STYLES)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
