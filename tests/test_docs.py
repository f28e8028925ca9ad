"""The README names every route, command and setting there is, and none that is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from ml.bundle import FAMILIES, PRETRAINED, Family, load
from webapp.config import SETTINGS, Setting

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CODE_SPANS = set(re.findall(r"`([^`\n]+)`", README))
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Flask's own, which its documentation explains.
BORROWED_COMMANDS = ("db", "routes", "run", "shell")


def normalised(path: str) -> str:
    """Return a path in which all placeholders look the same.

    >>> normalised("/predictions/<string:submission_id>") == normalised("/predictions/<id>")
    True
    """
    return re.sub(r"<[^>]+>", "<…>", path)


def routes_of(app: Flask) -> set[str]:
    """Return what the application answers, as `POST /upload`."""
    return {
        f"{method} {normalised(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & set(METHODS)
        if rule.endpoint != "static"
    }


def commands_of(group: click.Group, name: str = "flask") -> Iterator[str]:
    """Yield the full name of every command below a group."""
    for part, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{name} {part}")
        else:
            yield f"{name} {part}"


def own_commands_of(app: Flask) -> set[str]:
    """Return the commands that we add to Flask's."""
    return {name for name in commands_of(app.cli) if name.split()[1] not in BORROWED_COMMANDS}


def test_every_route_is_in_the_readme(app: Flask):
    told = {normalised(span) for span in CODE_SPANS}
    assert routes_of(app) - told == set()


def test_every_route_in_the_readme_exists(app: Flask):
    told = {normalised(span) for span in CODE_SPANS if span.startswith(METHODS)}
    assert told - routes_of(app) == set()


def test_every_command_is_in_the_readme(app: Flask):
    missing = {
        command
        for command in own_commands_of(app)
        if not any(f"{span} ".startswith(f"{command} ") for span in CODE_SPANS)
    }
    assert missing == set()


def test_every_command_in_the_readme_exists(app: Flask):
    known = (*own_commands_of(app), *(f"flask {group}" for group in BORROWED_COMMANDS))
    told = {span for span in CODE_SPANS if span.startswith("flask ")}
    assert {span for span in told if not span.startswith(known)} == set()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_has_its_row_in_the_readme(setting: Setting):
    default = as_written(setting.default)
    assert f"| `{setting.name}` | {default} | {setting.reason} |" in README


def as_written(default: object) -> str:
    """Return a default as somebody would write it into the environment."""
    if default is None:
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    return str(default)


def test_no_variable_of_ours_is_read_that_the_readme_does_not_name():
    sources = [ROOT / "gunicorn.conf.py", ROOT / "Makefile"]
    sources += [path for folder in ("ml", "webapp", "benchmarks") for path in rglob(folder)]
    read = {name for path in sources for name in re.findall(r"INKLING_[A-Z_]*[A-Z]", text(path))}
    assert read - CODE_SPANS == set()


def test_every_setting_in_the_readme_exists():
    names = {span for span in CODE_SPANS if re.fullmatch(r"INKLING_[A-Z_]+", span)}
    sources = text(ROOT / "gunicorn.conf.py") + "".join(
        text(path) for folder in ("ml", "webapp", "benchmarks") for path in rglob(folder)
    )
    assert {name for name in names if name not in sources} == set()


def test_every_target_of_the_makefile_is_in_the_readme():
    targets = re.findall(r"^([a-z]+):.*## ", text(ROOT / "Makefile"), re.MULTILINE)
    assert {f"make {target}" for target in targets} - CODE_SPANS == set()


def test_every_file_that_the_readme_points_to_exists():
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)|src=\"([^\"]+)\"", README)
    local = {one or other for one, other in links if not (one or other).startswith("http")}
    assert {link for link in local if not (ROOT / link).exists()} == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_figures_of_the_models_are_those_of_their_cards(family: Family):
    card = load(PRETRAINED / family).card
    accuracy = card.figures["mnist_test"]["accuracy"]
    row = f"| `{family}` | {card.architecture} | {card.parameters:,} | {accuracy:.2%} |"
    assert row.replace("%", " %") in README


def test_the_table_of_published_networks_is_what_was_measured():
    from ml.training.reproduction import load_results, markdown

    results = list(load_results(ROOT / "benchmarks").values())
    assert len(results) >= 5
    assert markdown(results) in README
    assert {one.machine for one in results if one.machine not in README.replace("\n", " ")} == set()


def rglob(folder: str) -> list[Path]:
    """Return the Python files below a folder of ours."""
    return sorted((ROOT / folder).rglob("*.py"))


def text(path: Path) -> str:
    """Return what a file of ours says."""
    return path.read_text("utf-8")
