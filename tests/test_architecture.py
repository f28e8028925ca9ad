"""Imports point one way, wsgi → webapp → ml, and no web process loads what only training needs."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WEB = {"flask", "flask_sqlalchemy", "flask_migrate", "flask_login", "flask_limiter", "flask_wtf"}
DATABASE = {"sqlalchemy", "alembic", "psycopg", "sqlite3"}
PIXELS = {"cv2", "PIL", "ai_edge_litert"}
TRAINING = {"tensorflow", "keras"}
MAY_TRAIN = {"architectures", "augmentation", "training", "export"}
TOO_HEAVY_FOR_THE_WEB = ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "alembic")

ANSWER_A_DRAWING = """
import json, sys
from wsgi import app

stroke = [[140, 20 + 10 * step] for step in range(24)]
drawing = {"strokes": [stroke], "width": 280, "height": 280}
answer = app.test_client().post("/api/v1/predictions", json=drawing)
print(json.dumps({"status": answer.status_code, "modules": sorted(sys.modules)}))
"""


def imports_of(source: str, *, only_when_loaded: bool = False) -> set[str]:
    """Return the dotted names that a module imports, from anywhere in it or at its top only."""
    names: set[str] = set()
    for node in _statements(ast.parse(source), only_when_loaded=only_when_loaded):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _statements(tree: ast.AST, *, only_when_loaded: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        yield node
        if only_when_loaded and _is_not_run_at_import(node):
            continue
        yield from _statements(node, only_when_loaded=only_when_loaded)


def _is_not_run_at_import(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def packages(names: set[str]) -> set[str]:
    """Return the top-level packages of dotted names."""
    return {name.partition(".")[0] for name in names}


def modules(package: str) -> list[Path]:
    """Return the source files of a package of ours."""
    return sorted((ROOT / package).rglob("*.py"))


def named(path: Path) -> str:
    """Return the path as a reader would write it."""
    return str(path.relative_to(ROOT))


def test_imports_are_seen_wherever_they_are():
    source = (
        "import flask\nif TYPE_CHECKING:\n    import PIL\ndef late():\n    from ml import gate\n"
    )
    assert imports_of(source) == {"flask", "PIL", "ml.gate"}
    assert imports_of(source, only_when_loaded=True) == {"flask"}


@pytest.mark.parametrize("path", modules("ml"), ids=named)
def test_ml_knows_neither_the_web_nor_a_database(path: Path):
    foreign = packages(imports_of(path.read_text("utf-8"))) & (WEB | DATABASE | {"webapp", "wsgi"})
    assert not foreign


@pytest.mark.parametrize("path", modules("webapp"), ids=named)
def test_webapp_never_touches_pixels_or_layers(path: Path):
    foreign = packages(imports_of(path.read_text("utf-8"))) & (PIXELS | TRAINING | {"wsgi"})
    assert not foreign


@pytest.mark.parametrize(
    "path",
    [path for path in modules("ml") if not MAY_TRAIN & set(named(path)[:-3].split("/"))],
    ids=named,
)
def test_tensorflow_stays_in_the_four_modules_that_train(path: Path):
    assert not packages(imports_of(path.read_text("utf-8"))) & TRAINING


@pytest.mark.parametrize("path", modules("webapp"), ids=named)
def test_webapp_loads_the_training_modules_late(path: Path):
    early = imports_of(path.read_text("utf-8"), only_when_loaded=True)
    training = {f"ml.{module}" for module in MAY_TRAIN}
    assert not {name for name in early if ".".join(name.split(".")[:2]) in training}


def test_wsgi_is_the_application_and_nothing_else():
    assert packages(imports_of((ROOT / "wsgi.py").read_text("utf-8"))) == {"webapp"}


@pytest.fixture(scope="module")
def web_process(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a fresh process holds once it has answered a drawing with both shipped models."""
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    environment["INKLING_INSTANCE"] = str(tmp_path_factory.mktemp("instance"))
    printed_by(["-m", "flask", "prepare"], environment)
    return json.loads(printed_by(["-c", ANSWER_A_DRAWING], environment))


def printed_by(arguments: list[str], environment: dict[str, str]) -> str:
    """Run a Python of our own in the repository's folder and return what it printed."""
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_a_web_process_answers_a_drawing(web_process: dict):
    assert web_process["status"] == 201


@pytest.mark.parametrize("package", TOO_HEAVY_FOR_THE_WEB)
def test_a_web_process_never_loads(package: str, web_process: dict):
    loaded = {name for name in web_process["modules"] if name.partition(".")[0] == package}
    assert not loaded
