from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.compose.files import ROOT

OURS = {"cauce", "compose", "services", "shared", "streaming"}
# The image of the services holds the dashboard's files too, and doesn't run them.
SERVICES = tuple(f"services/{name}" for name in ("api_gateway", "ingest", "docproc", "embedding", "db_writer"))
IMAGES = {
    "services.lock": (*SERVICES, "shared", "compose/topics.py"),
    "dashboard.lock": ("services/dashboard", "shared"),
    "streaming.lock": ("streaming", "shared"),
    "local.lock": ("compose", "shared", "cauce"),
}


def sources(names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        path = ROOT / name
        yield from [path] if path.is_file() else path.rglob("*.py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", IMAGES)
def test_an_image_holds_all_that_its_code_imports(lock: str) -> None:
    """Whatever the code of an image imports is in the lock file that the image is made from."""
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))
    distributions = packages_distributions()
    modules = {module for path in sources(IMAGES[lock]) for module in imported(path)}
    missing = {
        module
        for module in modules - OURS - sys.stdlib_module_names
        if not {plain(name) for name in distributions.get(module, [])} & {plain(name) for name in locked}
    }
    assert missing == set()
