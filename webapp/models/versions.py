"""Model versions, their files, and the promotions that say which are live."""

import struct
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    delete,
    exists,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, object_session, relationship

from ml.bundle import (
    EXPORT_FILES,
    FAMILIES,
    KERAS_FILE,
    TFLITE_FILE,
    Bundle,
    BundleError,
    Card,
    Family,
    sha256,
)
from webapp.db import Base, db
from webapp.models.types import UtcDateTime, now

NAME_LENGTH = 16
PLOT_ENDING = ".png"
NOT_TO_BE_FORCED = "answers are numbers"
"""What the gate calls the one comparison that no force overrides."""
REPORT_FILE = "report.html"
"""What is told about a version for people; no part of its bundle."""


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
    taught_until: Mapped[int | None]
    """The newest decision that a retraining knew of; what was accepted since is new to it."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    parent: Mapped["ModelVersion | None"] = relationship(remote_side=[name])

    @property
    def card(self) -> Card:
        """The card as a typed record."""
        return Card.from_dict(self.card_json)

    @property
    def objections(self) -> str:
        """What the gate held against it, in sentences; empty where it passed or was not judged."""
        report = self.report_json
        if report is None or report["passed"]:
            return ""
        return f"The gate refused {self.name}: {' '.join(report['reasons'])}"

    @classmethod
    def named(cls, name: str) -> "ModelVersion | None":
        """Return the version called, say, `cnn-7`."""
        return db.session.get(cls, name)

    @classmethod
    def newest_first(cls) -> list["ModelVersion"]:
        """Return all versions, without their files."""
        return list(db.session.scalars(select(cls).order_by(cls.created_at.desc(), cls.name)))

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of all versions, newest first of each family."""
        query = select(cls.name).order_by(cls.family, cls.number.desc())
        return list(db.session.scalars(query))

    @classmethod
    def with_weights(cls, family: Family, weights_sha256: str) -> "ModelVersion | None":
        """Return the version of this family that has these weights."""
        query = select(cls).filter_by(family=family, weights_sha256=weights_sha256)
        return db.session.scalar(query.order_by(cls.number).limit(1))

    @classmethod
    def with_files(cls, file: str = TFLITE_FILE) -> set[str]:
        """Return the names of the versions whose files, or one file of theirs, are still here."""
        query = select(ModelFile.version_name).where(ModelFile.name == file)
        return set(db.session.scalars(query))

    @classmethod
    def prune(cls, keep: int, *, spared: Container[str] = ()) -> "Pruned":
        """Delete the files of old versions; the caller commits.

        The rows stay: predictions, promotions and later versions refer to them. What is live keeps
        its files, and so does what any number of rollbacks would make live.

        Args:
            keep: how many of the newest of each family keep their files.
            spared: weights that are kept whatever their age, by their SHA-256.
        """
        _lock()
        needed, have = Promotion.needed(), cls.with_files()
        numbered = select(cls).order_by(cls.number.desc())
        old = [
            version
            for family in FAMILIES
            for version in db.session.scalars(numbered.filter_by(family=family)).all()[keep:]
            if version.name in have - needed and version.weights_sha256 not in spared
        ]
        sizes = [ModelFile.delete_all(version.name) for version in old]
        return Pruned(tuple(version.name for version in old), sum(sizes))

    @classmethod
    def add(
        cls,
        bundle: Bundle,
        *,
        origin: str,
        parent: "ModelVersion | None" = None,
        report: dict[str, Any] | None = None,
        taught_until: int | None = None,
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
            taught_until=taught_until,
        )
        db.session.add(version)
        db.session.flush()
        files = {**bundle.files, **bundle.plots}
        db.session.add_all(ModelFile.of(version, name, data) for name, data in files.items())
        return version

    @property
    def has_files(self) -> bool:
        """Tell whether its files are still here."""
        here = exists().where(ModelFile.version_name == self.name, ModelFile.name == TFLITE_FILE)
        return bool(db.session.scalar(select(here)))

    def check_promotable(self) -> None:
        """Raise ValueError where it cannot be served at all, whatever the gate said."""
        if not self.has_files:
            raise ValueError(f"The files of {self.name} were pruned; choose another version.")
        rows = (self.report_json or {}).get("rows", [])
        if any(row["name"] == NOT_TO_BE_FORCED and not row["passed"] for row in rows):
            raise ValueError(f"{self.name} does not answer with numbers; choose another version.")

    def bundle(self) -> Bundle:
        """Load the files and check them.

        Raises:
            BundleError: a file is missing or is not the one that the card names.
        """
        query = select(ModelFile).where(
            ModelFile.version_name == self.name, ModelFile.name != REPORT_FILE
        )
        session = object_session(self) or db.session
        files = {file.name: file.content for file in session.scalars(query)}
        missing = {KERAS_FILE, TFLITE_FILE} - files.keys()
        if missing:
            raise BundleError(f"{self.name} has lost its {' and '.join(sorted(missing))}.")
        exports = {name: files.pop(name) for name in EXPORT_FILES if name in files}
        bundle = Bundle(self.card, files.pop(KERAS_FILE), files.pop(TFLITE_FILE), files, exports)
        bundle.check()
        return bundle

    @property
    def plot_sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each stored plot by its name, such as `confusion-dark.png`.

        Only the header of each PNG is fetched: the size is its bytes 16 to 24.
        """
        return self.all_plot_sizes(ModelFile.version_name == self.name).get(self.name, {})

    @classmethod
    def all_plot_sizes(cls, *which: ColumnElement[bool]) -> dict[str, dict[str, tuple[int, int]]]:
        """Return for each version, by its name, what `plot_sizes` says."""
        header = func.substr(ModelFile.content, 17, 8, type_=LargeBinary)
        query = select(ModelFile.version_name, ModelFile.name, header)
        query = query.where(*which, ModelFile.name.endswith(PLOT_ENDING)).order_by(ModelFile.name)
        sizes: dict[str, dict[str, tuple[int, int]]] = {}
        for version_name, name, size in db.session.execute(query):
            if len(size) == 8:
                sizes.setdefault(version_name, {})[name] = struct.unpack(">II", size)
        return sizes

    def plot(self, name: str) -> bytes | None:
        """Return the PNG of a stored plot."""
        return self._file(name) if name.endswith(PLOT_ENDING) else None

    def report(self) -> bytes | None:
        """Return the HTML of its report; None where none was written or it was pruned."""
        return self._file(REPORT_FILE)

    def _file(self, name: str) -> bytes | None:
        file = db.session.get(ModelFile, (self.name, name))
        return file.content if file else None


@dataclass(frozen=True)
class Pruned:
    """The versions whose files were deleted, and how many bytes these were."""

    names: tuple[str, ...]
    num_bytes: int


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

    @classmethod
    def delete_all(cls, version_name: str) -> int:
        """Delete the files of a version and return how many bytes they were."""
        here = cls.version_name == version_name
        size = db.session.scalar(select(func.sum(func.length(cls.content))).where(here))
        db.session.execute(delete(cls).where(here))
        return size or 0


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
    def needed(cls) -> set[str]:
        """Return the names of what is live and of what rollbacks would make live, however many."""
        current = cls.current()
        names: set[str] = set()
        while current is not None:
            names |= {current.cnn_name, current.dnn_name}
            current = current.previous
        return names

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
        for version in wanted.values():
            version.check_promotable()
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
