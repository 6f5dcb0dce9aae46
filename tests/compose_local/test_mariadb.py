"""MariaDB's own installer, for real."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from compose.local.java import Java
from compose.local.progress import PlainFetching
from compose.local.provision import Tools, mariadb_folder
from compose.local.servers import mariadb
from compose.local.settings import LocalSettings

pytestmark = pytest.mark.fleet


def test_its_tables_are_made_below_any_path(tmp_path: Path) -> None:
    """Where the paths of the cache and of the state have a space and an umlaut, as a home may."""
    home = tmp_path / "Jürgens home"
    home.mkdir()
    (home / "mariadb").symlink_to(mariadb_folder(LocalSettings(), PlainFetching(Console(stderr=True))))
    tools = Tools(Java(Path("/java"), 25), [], [], home / "mariadb", Path("/mongod"))
    mariadb.prepare(home / "state", tools, "password")
    assert (home / "state" / "data" / "mysql").is_dir()
    assert sorted(path.name for path in (home / "state").iterdir() if path.is_symlink()) == []
