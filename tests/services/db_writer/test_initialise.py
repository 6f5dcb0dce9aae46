"""`python -m services.db_writer --init` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from pymongo.database import Database

from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import Documents

pytestmark = pytest.mark.fleet


def init(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.db_writer", "--init"]
    environment = {**os.environ, **settings}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_init_may_be_repeated(
    mongodb_url: str, mysql_url: str, database: Database[Documents], server: MySqlServer
) -> None:
    """Twice in a row it ends with 0, and tables and indexes are there."""
    for _ in range(2):
        done = init(CAUCE_MONGODB_URL=mongodb_url, CAUCE_MONGODB_DATABASE=database.name, CAUCE_MYSQL_URL=mysql_url)
        assert done.returncode == 0, done.stdout + done.stderr
    assert {name: len(database[name].index_information()) for name in ("chunks", "embeddings", "documents")} == {
        "chunks": 3,
        "embeddings": 2,
        "documents": 3,
    }
    assert server.run("SHOW TABLES LIKE 'chunk_counts_1m'") == [("chunk_counts_1m",)]


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
