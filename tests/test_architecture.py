"""The rules of the house, read off the source: who may import whom, what every service has, where errors are caught."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("cauce", "compose", "services", "shared", "streaming")
SERVICES = ("api_gateway", "ingest", "docproc", "embedding", "db_writer", "dashboard")
SAME_FILES = ("__init__.py", "__main__.py", "settings.py", "bootstrap.py", "handlers.py")

ONLY_IN = {
    "aiokafka": {path.relative_to(ROOT).as_posix() for path in (ROOT / "shared/kafka/client").glob("*.py")},
    "motor": {"services/db_writer/mongo.py", "services/api_gateway/mongo.py"},
    "aiomysql": {"services/db_writer/mysql.py", "services/api_gateway/mysql.py"},
    "obstore": {"shared/objects.py"},
}
MAY_IMPORT = {
    "shared/contracts": ("shared.contracts",),
    "shared": ("shared",),
    "services": ("shared",),
    "streaming": ("shared", "streaming"),
    "compose": ("compose", "shared"),
    "cauce": ("cauce", "compose", "shared"),
}
BROAD_EXCEPT_IN = {"shared/kafka/settling.py", "shared/kafka/decoding.py"}


def sources() -> list[Path]:
    return sorted(path for package in PRODUCT for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), name_of(path))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: imports are absolute"
            yield node.module or ""


def room_of(name: str) -> str:
    return next(room for room in MAY_IMPORT if name.startswith(room + "/"))


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_imports_follow_the_dependency_rule(path: Path) -> None:
    """contracts <- shared <- services, streaming, compose, cauce; and no service imports another."""
    name = name_of(path)
    allowed = MAY_IMPORT[room_of(name)]
    if name.startswith("services/") and name.count("/") > 1:
        allowed = (*allowed, ".".join(name.split("/")[:2]))
    ours = [module for module in imports(path) if module.split(".")[0] in PRODUCT]
    assert [module for module in ours if not any(f"{module}.".startswith(f"{one}.") for one in allowed)] == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_each_client_library_has_one_place(path: Path) -> None:
    """A library that talks to the outside is imported, and its errors are translated, in one place."""
    used = {module.split(".")[0] for module in imports(path)}
    assert {library for library in used & ONLY_IN.keys() if name_of(path) not in ONLY_IN[library]} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    """Learn one service, know all; the dashboard alone reads no topic, and handles none."""
    folder = ROOT / "services" / service
    expected = [name for name in SAME_FILES if (service, name) != ("dashboard", "handlers.py")]
    assert [name for name in expected if not (folder / name).exists()] == []
    assert len((folder / "__main__.py").read_text().splitlines()) <= 40


def broad_handlers(path: Path) -> list[int]:
    broad = {"Exception", "BaseException"}
    return [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
        and (node.type is None or {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} & broad)
    ]


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_broad_excepts_only_at_the_loop_boundary(path: Path) -> None:
    """Only the consume loop may catch whatever comes; elsewhere a broad except must raise again what it caught."""
    assert broad_handlers(path) == [] or name_of(path) in BROAD_EXCEPT_IN


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_nothing_reads_the_environment_at_import(path: Path) -> None:
    """No statement outside a function mentions the environment."""
    module = tree_of(path)
    outside = [
        node for node in module.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    guarded = [node for node in outside if not (isinstance(node, ast.If) and "__main__" in ast.dump(node.test))]
    named = {n.attr for node in guarded for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    assert named & {"environ", "getenv"} == set()


def string_constants(path: Path) -> Iterator[str]:
    """Without those that stand by themselves, which are documentation."""
    nodes = list(ast.walk(tree_of(path)))
    documentation = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and node not in documentation:
            value = node.value
            yield value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_no_group_is_repeated_possessively(path: Path) -> None:
    """Python before 3.11.5 reads `(?:…)*+` wrongly: an atomic group, `(?>(?:…)*)`, says the same on every version."""
    possessive = re.compile(r"\)(?:[*+?]|\{[0-9]*,?[0-9]*\})\+")
    assert [text for text in string_constants(path) if possessive.search(text)] == []


def test_importing_everything_connects_to_nothing() -> None:
    """Every module can be imported in a process that may open no socket and sees no environment variable of ours."""
    modules = [name_of(path).removesuffix(".py").replace("/", ".") for path in sources() if path.stem != "__main__"]
    program = f"""
import importlib, socket, sys
def refuse(*_):
    raise AssertionError("a module opened a socket when it was imported")
socket.socket.connect = socket.socket.bind = refuse
for name in {modules!r}:
    importlib.import_module(name.removesuffix(".__init__"))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_service_can_be_named() -> None:
    """`python -m services.NAME` exists for each, under the name that its topics and groups use."""
    for service in SERVICES:
        assert service == importlib.import_module(f"services.{service}.bootstrap").NAME
