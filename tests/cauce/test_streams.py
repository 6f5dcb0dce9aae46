from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from cauce.streams import app
from compose.local.errors import LocalStackError
from shared.streams.schema import schema
from tests.shared.streams.samples import declared


def cauce(*arguments: str, folder: Path | None = None) -> Result:
    return CliRunner().invoke(app, arguments, env={"CAUCE_STREAMS_DIR": str(folder)} if folder else {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one good declaration."""
    (tmp_path / "orders.yaml").write_text(yaml.safe_dump(declared(), sort_keys=False))
    return tmp_path


def test_check_says_what_it_found(folder: Path) -> None:
    """A line for each stream, and the exit code says it too."""
    done = cauce("check", folder=folder)
    assert done.exit_code == 0
    assert done.stdout == "ok: orders: topic `orders`, 4 fields, 1 window\n"


def test_check_tells_every_problem(folder: Path) -> None:
    """With file, line and field, of one file or a folder; good ones are still told."""
    broken = folder / "broken.yaml"
    broken.write_text("name: broken\nevent_time: {field: at}\nfields:\n  at: {type: lang}\n  x: {type: int, size: 1}\n")
    done = cauce("check", str(broken), str(folder / "orders.yaml"))
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "ok: orders: topic `orders`, 4 fields, 1 window",
        f"{broken}:4: fields.at.type: Input should be 'int', 'long', 'double', 'string', 'boolean' or 'timestamp'",
        f"{broken}:5: fields.x.size: Extra inputs are not permitted",
        "2 problems",
    ]
    assert cauce("check", str(folder)).exit_code == 1
    missing = cauce("check", str(folder / "none.yaml"))
    assert str(missing.exception) == f"there is no `{folder}/none.yaml`"


def test_list_and_explain(folder: Path) -> None:
    """By name, or from a file that isn't in the folder yet; an unknown name lists the known ones."""
    assert "orders_1m, orders_1m_top3" in cauce("list", folder=folder).stdout
    by_name, by_file = cauce("explain", "orders", folder=folder), cauce("explain", str(folder / "orders.yaml"))
    assert by_name.exit_code == by_file.exit_code == 0
    assert "CREATE TABLE IF NOT EXISTS `orders_1m` (" in by_name.stdout
    assert "POST /events/orders" in by_file.stdout
    unknown = cauce("explain", "nobody", folder=folder)
    assert isinstance(unknown.exception, LocalStackError)
    assert str(unknown.exception) == "no stream is called `nobody`"
    assert unknown.exception.advice == "there are: orders"


def test_schema_is_the_committed_one() -> None:
    """For `cauce streams schema > schema.json` in one's own folder."""
    done = cauce("schema")
    assert done.stdout == schema()
    assert json.loads(done.stdout)["title"] == "A declared stream"
