"""Which versions are live: loaded once a process, swapped without a restart."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ml import bundle, preprocessing
from ml.bundle import FAMILIES, Bundle, BundleError, Family
from ml.runtime import Recogniser
from webapp.db import db
from webapp.errors import UnavailableError
from webapp.models import ModelVersion, Promotion

log = logging.getLogger(__name__)

LOOK_INTERVAL_SECONDS = 0.5
"""How often a process asks for the newest promotion: a promotion is served within a second."""

NOTHING_TO_SERVE = "No model can answer just now. The log of the server says why."

FALLBACKS = 20
"""Promotions that are tried, newest first, when what should be live is damaged."""


@dataclass(frozen=True)
class LiveVersion:
    """A version in memory, ready to read."""

    name: str
    recogniser: Recogniser


@dataclass(frozen=True)
class Live:
    """What a process serves: one version of each family, from one promotion."""

    promotion_id: int
    versions: Mapping[Family, LiveVersion]

    @property
    def recognisers(self) -> Mapping[Family, Recogniser]:
        """Each family's recogniser."""
        return {family: version.recogniser for family, version in self.versions.items()}


class Serving:
    """Holds the live versions of one process; any number of threads may ask."""

    def __init__(self) -> None:
        """Start with nothing loaded: a process loads at its first question, after the fork."""
        self._live: Live | None = None
        self._newest_seen = 0
        self._looked_at = float("-inf")
        self._loading = threading.Lock()

    def live(self) -> Live:
        """Return what is live, at most about half a second old.

        Raises:
            UnavailableError: nothing can be served, not even the shipped versions.
        """
        if self._live is None:
            self._start()
        elif time.monotonic() - self._looked_at >= LOOK_INTERVAL_SECONDS:
            self._look()
        return cast(Live, self._live)

    def _look(self) -> None:
        """Swap to a newer promotion; while one thread loads it, the others serve the old one."""
        if not self._loading.acquire(blocking=False):
            return
        try:
            self._looked_at = time.monotonic()
            newest = _newest_promotion_id()
            if newest != self._newest_seen:
                self._swap(newest)
        except SQLAlchemyError as error:
            log.error("Cannot ask which versions are live, the loaded ones stay: %s", error)
        finally:
            self._loading.release()

    def _swap(self, promotion_id: int) -> None:
        """Load a promotion beside what is served; damaged bytes are never served."""
        try:
            self._live = self._load(promotion_id)
            log.info("Serving promotion %d: %s", promotion_id, _names(self._live))
        except BundleError as error:
            log.error("Promotion %d is not served, the one before stays: %s", promotion_id, error)
        self._newest_seen = promotion_id

    def _start(self) -> None:
        """Load what is live; if that is damaged what was live before, at last what ships."""
        with self._loading:
            if self._live is not None:  # another thread was first
                return
            self._newest_seen = _newest_promotion_id()
            self._live = self._newest_sound() or self._shipped()
            self._looked_at = time.monotonic()
            log.info("Serving promotion %d: %s", self._live.promotion_id, _names(self._live))

    def _newest_sound(self) -> Live | None:
        with db.engine.connect() as connection:
            query = select(Promotion.id).order_by(Promotion.id.desc()).limit(FALLBACKS)
            candidates = connection.scalars(query).all()
        for promotion_id in candidates:
            try:
                return self._load(promotion_id)
            except BundleError as error:
                log.error("Promotion %d is damaged, trying the one before: %s", promotion_id, error)
        return None

    def _load(self, promotion_id: int) -> Live:
        """Load both versions of a promotion; those already in memory are taken over."""
        with Session(db.engine) as session:
            promotion = session.get_one(Promotion, promotion_id)
            versions = {family: self._version(one) for family, one in promotion.versions.items()}
        return Live(promotion_id, versions)

    def _version(self, version: ModelVersion) -> LiveVersion:
        for served in self._live.versions.values() if self._live else ():
            if served.name == version.name:
                return served
        return LiveVersion(version.name, Recogniser(version.bundle()))

    def _shipped(self) -> Live:
        """Serve what the repository ships, under the version that it was imported as.

        Raises:
            UnavailableError: the shipped files are damaged as well.
        """
        try:
            bundles = load_pretrained()
            with Session(db.engine) as session:
                imported = {one: _imported(bundles[one], session) for one in FAMILIES}
                versions = {
                    family: LiveVersion(version.name, Recogniser(bundles[family]))
                    for family, version in imported.items()
                }
        except BundleError as error:
            log.critical("No version can be served: %s", error)
            raise UnavailableError(NOTHING_TO_SERVE) from error
        log.error("No sound version in the database: serving what ships.")
        return Live(0, versions)


def init_app(app: Flask) -> None:
    """Give the application an empty holder of live versions."""
    app.extensions["serving"] = Serving()


def live() -> Live:
    """Return what is live in this process."""
    return cast(Serving, current_app.extensions["serving"]).live()


def load_pretrained() -> dict[Family, Bundle]:
    """Load the bundles that ship; BundleError if one is missing or damaged."""
    return {family: bundle.load(bundle.PRETRAINED / family) for family in FAMILIES}


def import_pretrained() -> Promotion | None:
    """Save and promote what ships if there is no promotion yet; the caller commits.

    Raises:
        BundleError: the shipped files are missing or damaged.
    """
    if Promotion.current() is not None:
        return None
    versions = [
        ModelVersion.with_weights(family, one.card.weights_sha256)
        or ModelVersion.add(one, origin="pretrained")
        for family, one in load_pretrained().items()
    ]
    return Promotion.promote(versions, by="start", reason="The versions that ship with Inkling.")


def replace_outdated() -> Promotion | None:
    """Promote what ships in the place of live versions that another preprocessing was made for.

    Where nothing is outdated, None; the caller commits.

    Raises:
        BundleError: the shipped files are missing or damaged, or are outdated themselves.
    """
    current = Promotion.current()
    live = current.versions if current else {}
    outdated = {
        family: version.name
        for family, version in live.items()
        if version.preprocessing_version != preprocessing.VERSION
    }
    if not outdated:
        return None
    shipped = load_pretrained()
    names = " and ".join(outdated.values())
    return Promotion.promote(
        [_saved(shipped[family]) for family in outdated],
        by="upgrade",
        reason=f"Digits are prepared in another way now than {names} learned from.",
    )


def _saved(shipped: Bundle) -> ModelVersion:
    """Return the version with these weights; the first time, it is saved."""
    card = shipped.card
    if card.preprocessing_version != preprocessing.VERSION:
        raise BundleError(f"The shipped {card.family} is outdated as well; run flask train.")
    known = ModelVersion.with_weights(card.family, card.weights_sha256)
    return known or ModelVersion.add(shipped, origin="pretrained")


def _imported(shipped: Bundle, session: Session) -> ModelVersion:
    card = shipped.card
    query = select(ModelVersion).filter_by(family=card.family, weights_sha256=card.weights_sha256)
    found = session.scalar(query.limit(1))
    if found is None:
        raise BundleError(f"The shipped {card.family} is not in the database; run flask prepare")
    return found


def _newest_promotion_id() -> int:
    """Ask cheaply, apart from the request's own transaction."""
    with db.engine.connect() as connection:
        return connection.scalar(select(func.max(Promotion.id))) or 0


def _names(live: Live) -> str:
    return ", ".join(version.name for version in live.versions.values())
