"""The database as a whole: is it one, is it up to date, a backup of it.

It loads Alembic, which no web process needs: commands import it when they run.
"""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_migrate import upgrade
from sqlalchemy.exc import SQLAlchemyError

from webapp.config import ROOT
from webapp.db import attach_migrations, db


class DatabaseError(RuntimeError):
    """The database cannot be used; the message says what to do."""


def current_revision() -> str | None:
    """Return the revision that the database is at, None for an empty one.

    Raises:
        DatabaseError: it does not answer, or the file is no database.
    """
    try:
        with db.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise DatabaseError(
            f"The database {db.engine.url} cannot be used: {reason}. "
            "Check DATABASE_URL, or put a backup in its place."
        ) from error


def newest_revision() -> str | None:
    """Return the revision that this code needs."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head()


def bring_up_to_date() -> Path | None:
    """Upgrade the database if it is older than the code; back up first.

    Returns:
        The backup that was made, None if none was needed.

    Raises:
        DatabaseError: the database cannot be used, or is newer than this code.
    """
    revision = current_revision()
    if revision == newest_revision():
        return None
    known = {
        script.revision for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()
    }
    if revision is not None and revision not in known:
        raise DatabaseError(
            f"The database is at revision {revision}, which this version of Inkling does not know: "
            "a newer one made it. Run that one, or put an older backup in its place."
        )
    made = _backup_before_upgrade(revision) if revision and is_sqlite() else None
    attach_migrations(current_app)
    upgrade()
    return made


def is_sqlite() -> bool:
    """Tell whether the database is a SQLite file."""
    return db.engine.dialect.name == "sqlite"


def _backup_before_upgrade(revision: str) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = Path(current_app.instance_path) / "backups" / f"{moment}-{revision}.sqlite3"
    target.parent.mkdir(parents=True, exist_ok=True)
    back_up(target)
    return target


def back_up(target: Path) -> None:
    """Write everything into one file, while the site goes on.

    Raises:
        DatabaseError: the file exists, cannot be written, or the database is not SQLite.
    """
    if not is_sqlite():
        raise DatabaseError("This database is PostgreSQL: back it up with pg_dump.")
    if target.exists():
        raise DatabaseError(f"{target} exists already; name a new file.")
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    connection = db.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(unfinished),))
        unfinished.replace(target)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise DatabaseError(f"The backup could not be written to {target}: {error}.") from error
    finally:
        connection.close()
