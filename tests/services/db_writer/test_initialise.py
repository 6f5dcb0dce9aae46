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

from shared.kafka.client import Connection
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import Documents

pytestmark = pytest.mark.fleet
ORDERS = """
name: orders
event_time: {{field: at}}
fields: {{shop: {{type: string}}, town: {{type: string}}, at: {{type: long}}}}
windows: [{{table: {table}, size: 1m, group_by: [{group}], select: {{orders: count(*)}}}}]
"""


@pytest.fixture
def servers(kafka: Connection, mongodb_url: str, mysql_url: str, database: Database[Documents]) -> dict[str, str]:
    """As settings."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CAUCE_MONGODB_URL": mongodb_url,
        "CAUCE_MONGODB_DATABASE": database.name,
        "CAUCE_MYSQL_URL": mysql_url,
    }


def init(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.db_writer", "--init"]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_init_may_be_repeated(servers: dict[str, str], database: Database[Documents], server: MySqlServer) -> None:
    """Twice in a row it ends with 0; the tables, views and indexes of the shipped declarations are there."""
    for _ in range(2):
        done = init(**servers)
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


def test_init_says_that_the_stores_are_of_another_log(servers: dict[str, str], database: Database[Documents]) -> None:
    """It ends with 0 all the same, and changes nothing of what is stored: the services must start to say it, too."""
    kept = {"_id": "uploads.received", "topic_id": "of before", "incarnation": 0, "ends": {"0": 7}}
    database["logs"].insert_one(kept)
    done = init(**servers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the stores' contents came from another `uploads.received`" in done.stdout + done.stderr
    assert database["logs"].find_one({"_id": "uploads.received"}) == kept
    assert database["logs"].count_documents({}) > 20


def test_init_refuses_what_must_not_change(tmp_path: Path, servers: dict[str, str], server: MySqlServer) -> None:
    """A declaration that contradicts its table ends it with 1 and both sides, and leaves the table as it is."""
    settings = {**servers, "CAUCE_STREAMS_DIR": str(tmp_path), "CAUCE_INIT_PATIENCE_SECONDS": "5"}
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


def test_init_gives_up_with_a_reason(servers: dict[str, str]) -> None:
    """A store that stays away for longer than the patience ends it with 1 and a sentence, not a traceback."""
    started = time.monotonic()
    away = {"CAUCE_MYSQL_URL": "mysql://u:secret@127.0.0.1:9/db", "CAUCE_INIT_PATIENCE_SECONDS": "1"}
    done = init(**{**servers, **away})
    assert done.returncode == 1
    assert "db_writer: mysql: 2003" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr + done.stdout
    assert time.monotonic() - started < 20
