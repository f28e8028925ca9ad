"""Settings: environment first, then `instance/config.py`, then a default with its reason."""

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click import ClickException
from flask import Config
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).parent.parent
PREFIX = "INKLING_"
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - the name of a file, not a secret
MIN_SECRET_LENGTH = 32


ENVIRONMENT_ONLY = frozenset({"INKLING_INSTANCE", "INKLING_ACCESS_LOG", "INKLING_BENCH_DATA"})
"""Read before there is a configuration, or by gunicorn and the benchmarks alone."""


class SettingError(ClickException, ValueError):
    """A setting has a value that cannot be used; the message says what to put instead."""


@dataclass(frozen=True)
class Setting:
    """One setting: how it is called, read and explained.

    Attributes:
        name: with its prefix, as in the environment and in `instance/config.py`.
        read: turns text or a Python value into the value; ValueError says what was expected.
        default: the value where nobody set one.
        reason: one sentence for the README and for those who read the code.
    """

    name: str
    read: Callable[[Any], Any]
    default: Any
    reason: str


def whole_number(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers between `low` and `high`."""

    def read(value: Any) -> int:
        if not re.fullmatch(r"\d{1,12}", str(value)) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low:,} to {high:,}".replace(",", ""))
        return int(value)

    return read


def yes_or_no(value: Any) -> bool:
    """Read a switch."""
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if str(value).lower() not in known:
        raise ValueError("yes or no")
    return known[str(value).lower()]


def rate(value: Any) -> str:
    """Read a rate limit such as `20 per minute`."""
    if not re.fullmatch(r"[1-9]\d{0,8} per (second|minute|hour|day)", str(value)):
        raise ValueError('a rate such as "20 per minute"')
    return str(value)


def secret(value: Any) -> str:
    """Read the secret key."""
    if len(str(value)) < MIN_SECRET_LENGTH:
        raise ValueError(f"at least {MIN_SECRET_LENGTH} random characters (openssl rand -hex 32)")
    return str(value)


def database_url(value: Any) -> str:
    """Read the address of the database; SQLite and PostgreSQL are known."""
    try:
        url = make_url(str(value))
    except ArgumentError:
        url = None
    if url is not None and url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url is None or url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("sqlite:////path/to/file or postgresql://user:password@host/database")
    return url.render_as_string(hide_password=False)


SETTINGS = (
    Setting(
        "DATABASE_URL",
        database_url,
        None,
        "Where everything is kept; without it a SQLite file in the instance folder, which one "
        "machine is content with.",
    ),
    Setting(
        "INKLING_SECRET_KEY",
        secret,
        None,
        "Signs cookies and forms; made once in the instance folder. Several hosts share one.",
    ),
    Setting(
        "INKLING_MAX_UPLOAD_BYTES",
        whole_number(1_000, 1_000_000_000),
        20_000_000,
        "A 12-megapixel photograph takes 3 to 8 MB; more than this is answered with 413.",
    ),
    Setting(
        "INKLING_MAX_PIXELS",
        whole_number(784, 500_000_000),
        50_000_000,
        "Pixels of one picture, checked before it is decoded; phones take 12 to 50 million.",
    ),
    Setting(
        "INKLING_MAX_POINTS",
        whole_number(10, 1_000_000),
        20_000,
        "Points of one drawing; a digit has about a hundred, ten crowded lines about 15,000.",
    ),
    Setting(
        "INKLING_MAX_LARGE_PICTURES",
        whole_number(1, 64),
        2,
        "Pictures that one process decodes at a time; each may take 200 MB while it does.",
    ),
    Setting(
        "INKLING_MAX_BATCH_FILES",
        whole_number(1, 100_000),
        500,
        "Files of one batch: the pages of a class; a batch page lists them all.",
    ),
    Setting(
        "INKLING_MAX_BATCH_BYTES",
        whole_number(1_000, 10_000_000_000),
        200_000_000,
        "What several files sent at once, or a ZIP unpacked, may hold: forty photographs.",
    ),
    Setting(
        "INKLING_MAX_EXPANSION",
        whole_number(1, 10_000),
        200,
        "Times its packed size that a file in a ZIP may have; an empty page as BMP has about 100.",
    ),
    Setting(
        "INKLING_MAX_BATCH_READINGS",
        whole_number(1, 64),
        1,
        "Files of batches that one process reads at a time, so that drawings are not kept waiting.",
    ),
    Setting(
        "INKLING_READ_LIMIT",
        rate,
        "10000 per minute",
        "Readings from one address: a class of 40 behind one router reads four times a second.",
    ),
    Setting(
        "INKLING_SIGN_IN_LIMIT",
        rate,
        "10 per minute",
        "Tries to sign in from one address; passwords are not to be guessed.",
    ),
    Setting(
        "INKLING_KEEP_ORIGINALS",
        yes_or_no,
        True,
        "Whether the uploaded picture itself is kept beside its digits.",
    ),
    Setting(
        "INKLING_HTTPS",
        yes_or_no,
        False,
        "Say yes behind https: cookies are then Secure, and browsers are told to stay on https.",
    ),
    Setting(
        "INKLING_TRUSTED_PROXIES",
        whole_number(0, 10),
        0,
        "Reverse proxies in front whose X-Forwarded headers are believed.",
    ),
)


def instance_folder() -> Path:
    """Return the folder of what a site makes: `INKLING_INSTANCE`, else `instance/`."""
    return Path(os.environ.get("INKLING_INSTANCE") or ROOT / "instance").absolute()


def load(instance: Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Collect and check all settings.

    Args:
        instance: the instance folder; `config.py` in it is read, the secret key made in it.
        overrides: values that win over environment and file, for tests.

    Returns:
        What Flask's configuration is updated with.

    Raises:
        SettingError: a value cannot be used, or a name is unknown.
    """
    _check_environment()
    from_file = _read_file(instance / "config.py")
    given = {**from_file, **os.environ, **(overrides or {})}
    values = {setting.name: _value(setting, given) for setting in SETTINGS}
    if values["DATABASE_URL"] is None:
        values["DATABASE_URL"] = f"sqlite:///{instance / 'inkling.sqlite3'}"
    if values["INKLING_SECRET_KEY"] is None:
        values["INKLING_SECRET_KEY"] = _own_secret(instance / SECRET_KEY_FILE)
    return {**_flask_values(values), **_others(overrides)}


def _check_environment() -> None:
    known = {setting.name for setting in SETTINGS} | ENVIRONMENT_ONLY
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingError(
            f"{', '.join(unknown)} is set in the environment, but nobody reads it. "
            f"Known: {', '.join(sorted(known))}."
        )


def _value(setting: Setting, given: Mapping[str, Any]) -> Any:
    value = given.get(setting.name)
    if value is None or value == "":
        return setting.default
    try:
        return setting.read(value)
    except ValueError as error:
        shown = "(hidden)" if "SECRET" in setting.name or "URL" in setting.name else repr(value)
        raise SettingError(f"{setting.name} is {shown}; it must be {error}.") from None


def _read_file(path: Path) -> dict[str, Any]:
    """Run `instance/config.py`, if there is one, and check its names."""
    settings = Config(str(path.parent))
    try:
        found = settings.from_pyfile(str(path), silent=True)
    except Exception as error:
        raise SettingError(f"{path} cannot be read as Python: {error}.") from error
    known = {setting.name for setting in SETTINGS}
    unknown = sorted(name for name in settings if name not in known)
    if found and unknown:
        raise SettingError(
            f"{path} sets {', '.join(unknown)}, which nobody reads. "
            f"Known: {', '.join(sorted(known))}."
        )
    return dict(settings)


def _own_secret(path: Path) -> str:
    """Read the instance's secret key; make it the first time, for the owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make_secret(path)
    try:
        return secret(path.read_text("utf-8").strip())
    except ValueError as error:
        raise SettingError(f"{path} must hold {error}; delete it to have one made.") from None


def _make_secret(path: Path) -> None:
    """Write a new key that appears whole; of two processes that start at once, one wins."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:  # made with mode 0600
        file.write(secrets.token_hex(32))
        file.flush()
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def _flask_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Translate our settings into those of Flask and its extensions."""
    sqlite = values["DATABASE_URL"].startswith("sqlite")
    return {
        **values,
        "SECRET_KEY": values["INKLING_SECRET_KEY"],
        "SQLALCHEMY_DATABASE_URI": values["DATABASE_URL"],
        "SQLALCHEMY_ENGINE_OPTIONS": {} if sqlite else {"pool_pre_ping": True},
        "MAX_CONTENT_LENGTH": values["INKLING_MAX_UPLOAD_BYTES"],
        # Strokes posted by the form of a page without scripts are form memory too.
        "MAX_FORM_MEMORY_SIZE": values["INKLING_MAX_UPLOAD_BYTES"],
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": values["INKLING_HTTPS"],
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": values["INKLING_HTTPS"],
        # A page may stay open all day; the token still ends with the session.
        "WTF_CSRF_TIME_LIMIT": None,
        # Said here: the one limiter of a process keeps what an application before has said.
        "RATELIMIT_ENABLED": True,
    }


def _others(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the overrides that are Flask's own, such as TESTING."""
    known = {setting.name for setting in SETTINGS}
    return {name: value for name, value in (overrides or {}).items() if name not in known}
