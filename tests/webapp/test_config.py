"""Settings come from the environment, a file, or a default; a bad one stops the start."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from webapp import config, create_app
from webapp.config import SETTINGS, SettingError, load

SECRET = "0123456789abcdef" * 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def file(folder: Path) -> Path:
    folder.mkdir()
    return folder / "config.py"


def test_defaults_need_nothing_at_all(folder: Path):
    values = load(folder)
    assert values["DATABASE_URL"] == f"sqlite:///{folder}/inkling.sqlite3"
    assert values["INKLING_MAX_PIXELS"] == 50_000_000
    assert values["INKLING_KEEP_ORIGINALS"] is True


def test_every_setting_has_a_reason_and_a_default_that_can_be_read():
    for setting in SETTINGS:
        assert setting.reason.endswith(".")
        assert setting.default is None or setting.read(setting.default) == setting.default


def test_the_file_of_the_instance_is_read(file: Path, folder: Path):
    file.write_text("INKLING_MAX_PIXELS = 1_000_000\nINKLING_HTTPS = True\n")
    values = load(folder)
    assert (values["INKLING_MAX_PIXELS"], values["SESSION_COOKIE_SECURE"]) == (1_000_000, True)


def test_the_environment_wins_over_the_file(
    file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    file.write_text("INKLING_MAX_PIXELS = 1_000_000\n")
    monkeypatch.setenv("INKLING_MAX_PIXELS", "2000000")
    assert load(folder)["INKLING_MAX_PIXELS"] == 2_000_000


def test_an_empty_variable_is_as_good_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "")
    assert load(folder)["DATABASE_URL"].startswith("sqlite:///")


@pytest.mark.parametrize(
    "name, value, wanted",
    [
        ("INKLING_MAX_PIXELS", "many", "a whole number from 784 to 500000000"),
        ("INKLING_MAX_PIXELS", "-1", "a whole number from 784 to 500000000"),
        ("INKLING_MAX_PIXELS", "1e6", "a whole number from 784 to 500000000"),
        ("INKLING_MAX_POINTS", "9", "a whole number from 10 to 1000000"),
        ("INKLING_MAX_POINTS", True, "a whole number from 10 to 1000000"),
        ("INKLING_MAX_UPLOAD_BYTES", "9" * 30, "a whole number from 1000 to 1000000000"),
        ("INKLING_HTTPS", "maybe", "yes or no"),
        ("INKLING_READ_LIMIT", "often", 'a rate such as "20 per minute"'),
        ("INKLING_READ_LIMIT", "0 per minute", 'a rate such as "20 per minute"'),
        ("INKLING_SIGN_IN_LIMIT", "5 per fortnight", 'a rate such as "20 per minute"'),
        ("INKLING_TRUSTED_PROXIES", "11", "a whole number from 0 to 10"),
    ],
)
def test_a_bad_value_is_told_with_what_to_put_instead(
    folder: Path, name: str, value: Any, wanted: str
):
    with pytest.raises(SettingError) as caught:
        load(folder, {name: value})
    assert str(caught.value.message) == f"{name} is {value!r}; it must be {wanted}."


@pytest.mark.parametrize(
    "name, value, wanted",
    [
        ("INKLING_SECRET_KEY", "swordfish", "at least 32 random characters"),
        ("DATABASE_URL", "mysql://u:swordfish@host/db", "sqlite:////path/to/file or postgresql://"),
        ("DATABASE_URL", "swordfish", "sqlite:////path/to/file or postgresql://"),
    ],
)
def test_secrets_are_not_repeated_in_the_message(folder: Path, name: str, value: str, wanted: str):
    with pytest.raises(SettingError, match=wanted) as caught:
        load(folder, {name: value})
    assert "swordfish" not in caught.value.message


@pytest.mark.parametrize("text", ["1", "true", "YES", "True"])
def test_yes_has_several_spellings(text: str):
    assert config.yes_or_no(text) is True


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg_however_it_is_spelled(scheme: str):
    url = config.database_url(f"{scheme}://u:p%40ss@host/db")
    assert url == "postgresql+psycopg://u:p%40ss@host/db"


def test_a_name_that_nobody_reads_stops_the_start(file: Path, folder: Path):
    file.write_text("INKLING_MAX_PIXEL = 1_000_000\n")
    with pytest.raises(SettingError, match="sets INKLING_MAX_PIXEL, which nobody reads"):
        load(folder)


@pytest.mark.parametrize("text", ["INKLING_MAX_PIXELS =", "1 / 0", "import nothing_like_it"])
def test_a_file_that_is_no_python_stops_the_start(file: Path, folder: Path, text: str):
    file.write_text(text)
    with pytest.raises(SettingError, match=r"config\.py cannot be read as Python"):
        load(folder)


def test_the_secret_key_is_made_once_for_the_owner_alone(folder: Path):
    made = load(folder)["SECRET_KEY"]
    path = folder / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(made) == 64
    assert load(folder)["SECRET_KEY"] == made == path.read_text()


def test_two_instances_have_different_keys(tmp_path: Path):
    assert load(tmp_path / "one")["SECRET_KEY"] != load(tmp_path / "two")["SECRET_KEY"]


def test_several_hosts_may_share_a_key(folder: Path):
    assert load(folder, {"INKLING_SECRET_KEY": SECRET})["SECRET_KEY"] == SECRET
    assert not (folder / "secret_key").exists()


@pytest.mark.parametrize("content", ["", "short", " \n"])
def test_a_spoiled_key_file_stops_the_start(folder: Path, content: str):
    folder.mkdir()
    (folder / "secret_key").write_text(content)
    with pytest.raises(SettingError, match=r"secret_key must hold at least 32 .*; delete it"):
        load(folder)


def test_flask_and_its_extensions_get_their_share(folder: Path):
    values = load(folder, {"INKLING_MAX_UPLOAD_BYTES": 5000, "INKLING_HTTPS": "yes"})
    assert values["MAX_CONTENT_LENGTH"] == values["MAX_FORM_MEMORY_SIZE"] == 5000
    assert values["SESSION_COOKIE_SECURE"] is True
    assert values["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert values["WTF_CSRF_TIME_LIMIT"] is None


def test_the_instance_folder_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert config.instance_folder() == config.ROOT / "instance"
    monkeypatch.setenv("INKLING_INSTANCE", str(tmp_path))
    assert config.instance_folder() == tmp_path


def test_a_bad_setting_stops_the_application(instance: Path):
    with pytest.raises(SettingError, match="INKLING_MAX_PIXELS is 'x'"):
        create_app({"INKLING_MAX_PIXELS": "x"})


def test_a_bad_setting_stops_the_command_with_the_sentence_alone(tmp_path: Path):
    environment = {**os.environ, "INKLING_INSTANCE": str(tmp_path), "INKLING_HTTPS": "maybe"}
    command = [sys.executable, "-m", "flask", "versions", "list"]
    ended = subprocess.run(
        command, cwd=config.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "INKLING_HTTPS is 'maybe'; it must be yes or no." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_that_nobody_reads_stops_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INKLING_MAX_PIXEL", "2000000")
    with pytest.raises(SettingError, match=r"INKLING_MAX_PIXEL is set .* INKLING_MAX_PIXELS"):
        load(folder)


def test_processes_that_start_at_once_agree_on_one_secret_key(folder: Path):
    with ThreadPoolExecutor(8) as pool:
        keys = {one["SECRET_KEY"] for one in pool.map(lambda _: load(folder), range(16))}
    assert keys == {(folder / "secret_key").read_text()}
