"""Visitors, reviewers, and the links by which reviewers first sign in."""

import hashlib
import secrets
from datetime import datetime, timedelta

from flask_login import UserMixin
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

from webapp.db import Base, db
from webapp.models.types import Id, UtcDateTime, new_id, now

LINK_LIFETIME = timedelta(hours=24)
MIN_PASSWORD_LENGTH = 8
"""NIST SP 800-63B's least length for a password that a person chooses."""
MAX_NAME_LENGTH = 80


class Visitor(Base):
    """Anyone who had something saved; known by a signed cookie."""

    __tablename__ = "visitor"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Reviewer(UserMixin, Base):
    """A person with a password who sees all and decides on corrections."""

    __tablename__ = "reviewer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH), unique=True)
    password_hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    def get_id(self) -> str:
        """Return what the session remembers; it ends with the password that it began with."""
        return f"{self.id}.{_sha256(self.password_hash)[:16]}"

    @classmethod
    def signed_in(cls, session_id: str) -> "Reviewer | None":
        """Return the reviewer whom a session remembers."""
        number = session_id.partition(".")[0]
        found = db.session.get(cls, int(number)) if number.isascii() and number.isdigit() else None
        return found if found and found.get_id() == session_id else None

    @classmethod
    def named(cls, name: str) -> "Reviewer | None":
        """Return the reviewer with this name."""
        return db.session.scalar(select(cls).where(cls.name == name.strip()))

    @classmethod
    def none_yet(cls) -> bool:
        """Tell whether nobody can review yet."""
        return db.session.scalar(select(cls.id).limit(1)) is None

    @classmethod
    def add(cls, name: str, password: str) -> "Reviewer":
        """Make a reviewer.

        Raises:
            ValueError: the name is empty, too long or taken, or the password too short.
        """
        name = name.strip()
        if not 1 <= len(name) <= MAX_NAME_LENGTH:
            raise ValueError(f"A name has 1 to {MAX_NAME_LENGTH} characters.")
        if cls.named(name):
            raise ValueError(f"There is a reviewer called {name} already; choose another name.")
        reviewer = cls(name=name)
        reviewer.set_password(password)
        db.session.add(reviewer)
        return reviewer

    def set_password(self, password: str) -> None:
        """Choose a new password; ValueError if it is too short."""
        if len(password) < MIN_PASSWORD_LENGTH:
            raise ValueError(f"A password has at least {MIN_PASSWORD_LENGTH} characters.")
        self.password_hash = generate_password_hash(password)

    def has_password(self, password: str) -> bool:
        """Tell whether this is the password."""
        return check_password_hash(self.password_hash, password)


class SignInLink(Base):
    """A link, good once and for a day, by which a reviewer sets name and password."""

    __tablename__ = "sign_in_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("reviewer.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @classmethod
    def create(cls, reviewer: Reviewer | None = None) -> str:
        """Make a link and return its token; only the token's hash is kept.

        Args:
            reviewer: whose password it sets; None makes a new reviewer.
        """
        token = secrets.token_urlsafe(32)
        link = cls(token_sha256=_sha256(token), expires_at=now() + LINK_LIFETIME)
        link.reviewer_id = reviewer.id if reviewer else None
        db.session.add(link)
        return token

    @classmethod
    def usable(cls, token: str) -> "SignInLink | None":
        """Return the link with this token if it is neither used nor too old."""
        query = select(cls).where(cls.token_sha256 == _sha256(token)).with_for_update()
        link = db.session.scalar(query)
        if link is None or link.used_at or link.expires_at < now():
            return None
        return link


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
