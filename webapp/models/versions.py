"""Model versions, their files, and the promotions that say which are live."""

import struct
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, Select, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column, object_session, relationship

from ml.bundle import FAMILIES, KERAS_FILE, TFLITE_FILE, Bundle, BundleError, Card, Family, sha256
from webapp.db import Base, db
from webapp.models.types import UtcDateTime, now

NAME_LENGTH = 16
PLOT_ENDING = ".png"


class ModelVersion(Base):
    """One trained set of weights of a family with its card; never changed once saved."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("family", "number"),)

    name: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    """`cnn-7`: family and number."""
    family: Mapped[str] = mapped_column(String(8))
    number: Mapped[int]
    card_json: Mapped[dict[str, Any]] = mapped_column("card", JSON)
    weights_sha256: Mapped[str] = mapped_column(String(64), index=True)
    preprocessing_version: Mapped[int]
    origin: Mapped[str] = mapped_column(String(16))
    """`pretrained`, `train` or `retrain`."""
    parent_name: Mapped[str | None] = mapped_column(ForeignKey("model_version.name"))
    report_json: Mapped[dict[str, Any] | None] = mapped_column("report", JSON)
    """What the gate said of a retrained version beside its parent."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    parent: Mapped["ModelVersion | None"] = relationship(remote_side=[name])

    @property
    def card(self) -> Card:
        """The card as a typed record."""
        return Card.from_dict(self.card_json)

    @classmethod
    def named(cls, name: str) -> "ModelVersion | None":
        """Return the version called, say, `cnn-7`."""
        return db.session.get(cls, name)

    @classmethod
    def newest_first(cls) -> list["ModelVersion"]:
        """Return all versions, without their files."""
        return list(db.session.scalars(select(cls).order_by(cls.created_at.desc(), cls.name)))

    @classmethod
    def with_weights(cls, family: Family, weights_sha256: str) -> "ModelVersion | None":
        """Return the version of this family that has these weights."""
        query = select(cls).filter_by(family=family, weights_sha256=weights_sha256)
        return db.session.scalar(query.order_by(cls.number).limit(1))

    @classmethod
    def add(
        cls,
        bundle: Bundle,
        *,
        origin: str,
        parent: "ModelVersion | None" = None,
        report: dict[str, Any] | None = None,
    ) -> "ModelVersion":
        """Save a bundle as the next version of its family; the caller commits."""
        card = bundle.card
        last = db.session.scalar(select(func.max(cls.number)).filter_by(family=card.family))
        number = (last or 0) + 1
        version = cls(
            name=f"{card.family}-{number}",
            family=card.family,
            number=number,
            card_json=card.to_dict(),
            weights_sha256=card.weights_sha256,
            preprocessing_version=card.preprocessing_version,
            origin=origin,
            parent=parent,
            report_json=report,
        )
        db.session.add(version)
        db.session.flush()
        files = {KERAS_FILE: bundle.keras, TFLITE_FILE: bundle.tflite, **bundle.plots}
        db.session.add_all(ModelFile.of(version, name, data) for name, data in files.items())
        return version

    def bundle(self) -> Bundle:
        """Load the files and check them.

        Raises:
            BundleError: a file is missing or is not the one that the card names.
        """
        query = select(ModelFile).where(ModelFile.version_name == self.name)
        session = object_session(self) or db.session
        files = {file.name: file.content for file in session.scalars(query)}
        missing = {KERAS_FILE, TFLITE_FILE} - files.keys()
        if missing:
            raise BundleError(f"{self.name} has lost its {' and '.join(sorted(missing))}.")
        bundle = Bundle(self.card, files.pop(KERAS_FILE), files.pop(TFLITE_FILE), files)
        bundle.check()
        return bundle

    @property
    def plot_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each stored plot by its name, such as `confusion-dark.png`.

        Only the header of each PNG is fetched: the size is its bytes 16 to 24.
        """
        header = func.substr(ModelFile.content, 17, 8, type_=LargeBinary)
        query = select(ModelFile.name, header).where(
            ModelFile.version_name == self.name, ModelFile.name.endswith(PLOT_ENDING)
        )
        found = db.session.execute(query.order_by(ModelFile.name))
        return {name: struct.unpack(">II", size) for name, size in found if len(size) == 8}

    def plot(self, name: str) -> bytes | None:
        """Return the PNG of a stored plot."""
        file = db.session.get(ModelFile, (self.name, name)) if name.endswith(PLOT_ENDING) else None
        return file.content if file else None


class ModelFile(Base):
    """One file of a version; apart from it, so that lists never load megabytes."""

    __tablename__ = "model_file"

    version_name: Mapped[str] = mapped_column(
        ForeignKey("model_version.name", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)

    @classmethod
    def of(cls, version: ModelVersion, name: str, content: bytes) -> "ModelFile":
        """Make the row of one file."""
        return cls(version_name=version.name, name=name, sha256=sha256(content), content=content)


class Promotion(Base):
    """The record that two versions, one of each family, are live from now on."""

    __tablename__ = "promotion"

    id: Mapped[int] = mapped_column(primary_key=True)
    cnn_name: Mapped[str] = mapped_column(ForeignKey("model_version.name"))
    dnn_name: Mapped[str] = mapped_column(ForeignKey("model_version.name"))
    by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str]
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("promotion.id"))
    """What a rollback restores; a rollback's own previous is one further back."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    cnn: Mapped[ModelVersion] = relationship(foreign_keys=cnn_name, lazy="joined")
    dnn: Mapped[ModelVersion] = relationship(foreign_keys=dnn_name, lazy="joined")
    previous: Mapped["Promotion | None"] = relationship(remote_side=[id])

    @property
    def versions(self) -> dict[Family, ModelVersion]:
        """The live version of each family."""
        return {"cnn": self.cnn, "dnn": self.dnn}

    @classmethod
    def current(cls) -> "Promotion | None":
        """Return the newest promotion, which says what is live."""
        return db.session.scalar(cls.newest(1))

    @classmethod
    def newest(cls, limit: int) -> Select["Promotion"]:
        """Select the newest promotions, newest first."""
        return select(cls).order_by(cls.id.desc()).limit(limit)

    @classmethod
    def promote(cls, versions: Iterable[ModelVersion], *, by: str, reason: str) -> "Promotion":
        """Make versions live; a family that is not named stays as it is. The caller commits.

        Raises:
            ValueError: nothing would change, or a family would be left without a version.
        """
        _lock()
        current = cls.current()
        live: dict[Family, ModelVersion] = current.versions if current else {}
        wanted: dict[Any, ModelVersion] = {**live}
        wanted.update({version.family: version for version in versions})
        missing = [family for family in FAMILIES if family not in wanted]
        if missing:
            raise ValueError(f"No {' and no '.join(missing)} is live yet; promote one as well.")
        if wanted == live:
            names = " and ".join(version.name for version in live.values())
            raise ValueError(f"{names} are live already.")
        return cls._add(wanted, by=by, reason=reason, previous=current)

    @classmethod
    def roll_back(cls, *, by: str, reason: str) -> "Promotion":
        """Make live what the newest promotion replaced. The caller commits.

        Raises:
            ValueError: there is nothing to go back to.
        """
        _lock()
        current = cls.current()
        target = current.previous if current else None
        if target is None:
            raise ValueError("There is no earlier promotion to go back to.")
        return cls._add(dict(target.versions), by=by, reason=reason, previous=target.previous)

    @classmethod
    def _add(
        cls,
        versions: Mapping[Any, ModelVersion],
        *,
        by: str,
        reason: str,
        previous: "Promotion | None",
    ) -> "Promotion":
        promotion = cls(cnn=versions["cnn"], dnn=versions["dnn"], by=by, reason=reason)
        promotion.previous = previous
        db.session.add(promotion)
        db.session.flush()
        return promotion


def _lock() -> None:
    """Keep two promotions from following the same one; SQLite writers wait anyway."""
    if db.engine.dialect.name == "postgresql":
        db.session.connection().exec_driver_sql("LOCK TABLE promotion IN EXCLUSIVE MODE")
