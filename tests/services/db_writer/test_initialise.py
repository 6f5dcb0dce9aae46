"""`python -m services.db_writer --init` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo.database import Database

from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import Documents

pytestmark = pytest.mark.fleet
ORDERS = """
name: orders
event_time: {{field: at}}
fields: {{shop: {{type: string}}, town: {{type: string}}, at: {{type: long}}}}
windows: [{{table: {table}, size: 1m, group_by: [{group}], select: {{orders: count(*)}}}}]
"""


def init(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.db_writer", "--init"]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_init_may_be_repeated(
    mongodb_url: str, mysql_url: str, database: Database[Documents], server: MySqlServer
) -> None:
    """Twice in a row it ends with 0; the tables, views and indexes of the shipped declarations are there."""
    for _ in range(2):
        done = init(CAUCE_MONGODB_URL=mongodb_url, CAUCE_MONGODB_DATABASE=database.name, CAUCE_MYSQL_URL=mysql_url)
        assert done.returncode == 0, done.stdout + done.stderr
    assert {name: len(database[name].index_information()) for name in ("chunks", "embeddings", "documents")} == {
        "chunks": 3,
        "embeddings": 2,
        "documents": 5,
    }
    assert set(database["air_readings_clean"].index_information()) == {
        "_id_",
        "event_time_-1",
        "sensor_id_1_event_time_-1",
    }
    assert {"chunk_counts_1m", "movie_metrics_1m_top10"} <= {name for (name,) in server.run("SHOW TABLES")}
    assert server.run("SELECT * FROM kafka_streams WHERE window_start = '2000-01-01'") == []


def test_init_refuses_what_must_not_change(
    tmp_path: Path, mongodb_url: str, mysql_url: str, database: Database[Documents], server: MySqlServer
) -> None:
    """A declaration that contradicts its table ends it with 1 and both sides, and leaves the table as it is."""
    settings = {
        "CAUCE_MONGODB_URL": mongodb_url,
        "CAUCE_MONGODB_DATABASE": database.name,
        "CAUCE_MYSQL_URL": mysql_url,
        "CAUCE_STREAMS_DIR": str(tmp_path),
    }
    table = f"test_{uuid4().hex[:12]}"
    for group, code in (("shop", 0), ("town", 1)):
        (tmp_path / "orders.yaml").write_text(ORDERS.format(table=table, group=group))
        done = init(**settings)
        assert done.returncode == code, done.stdout + done.stderr
    assert (
        f"`{table}`: the key is (`window_start`, `window_end`, `shop`) in MySQL and "
        "(`window_start`, `window_end`, `town`) in the declaration" in done.stderr
    )
    server.run(f"DROP TABLE `{table}`")


def test_init_gives_up_with_a_reason(mongodb_url: str, database: Database[Documents]) -> None:
    """A store that stays away for longer than the patience ends it with 1 and a sentence, not a traceback."""
    started = time.monotonic()
    done = init(
        CAUCE_MONGODB_URL=mongodb_url,
        CAUCE_MONGODB_DATABASE=database.name,
        CAUCE_MYSQL_URL="mysql://u:secret@127.0.0.1:9/db",
        CAUCE_INIT_PATIENCE_SECONDS="1",
    )
    assert done.returncode == 1
    assert "db_writer: mysql: 2003" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert time.monotonic() - started < 20
