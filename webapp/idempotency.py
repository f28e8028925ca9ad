"""Retries of the same request: an `Idempotency-Key` makes the second return the first answer."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from flask import request
from sqlalchemy import func, select

from webapp.auth import remember_visitor, visitor_id_of_request
from webapp.db import db
from webapp.errors import BadInputError, ConflictError
from webapp.models import Submission

MAX_KEY_LENGTH = 200


@dataclass(frozen=True)
class Key:
    """What makes a retry of the same request known: hashes of the key and of what was sent."""

    key_sha256: str
    request_sha256: str


def key_of_request(body: Callable[[], bytes]) -> Key | None:
    """Return the key of the request being answered, None if it has none.

    Args:
        body: gives what was sent; called only if there is a key.

    Raises:
        HTTPException: 400 for a key that is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise BadInputError(f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters.")
    sent = f"{request.full_path}\n{request.mimetype}\n".encode() + body()
    return Key(*(hashlib.sha256(part).hexdigest() for part in (key.encode(), sent)))


def answered_before(key: Key) -> Submission | None:
    """Return the first answer to a request that is being retried, None if this is the first.

    Raises:
        HTTPException: 409 if the key was used for another request.
    """
    found = Submission.sent_with(
        key.key_sha256, visitor_id=visitor_id_of_request(), request_sha256=key.request_sha256
    )
    if found is None:
        return None
    if found.request_sha256 != key.request_sha256:
        raise ConflictError(
            "This Idempotency-Key was used for another request. Take a new key for a new drawing."
        )
    if found.visitor_id and visitor_id_of_request() is None:
        remember_visitor(found.visitor_id)
    return found


def answered_meanwhile(key: Key) -> Submission | None:
    """Look again now that nobody else can write; PostgreSQL needs a lock of its own for that."""
    if db.engine.dialect.name == "postgresql":
        lock = int(key.key_sha256[:15], 16)
        db.session.execute(select(func.pg_advisory_xact_lock(lock)))
    return answered_before(key)
