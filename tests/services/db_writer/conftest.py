"""Stores for these tests: the fleet's, in databases and tables of their own, or servers that the environment names."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar
from uuid import uuid4

import pymysql
import pytest
from pymongo import MongoClient
from pymongo.database import Database

from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from shared.tables import Column, WindowTable
from tests.fleet.harness import Fleet
from tests.services.db_writer.mysql_server import MySqlServer
from tests.services.db_writer.samples import Documents
from tests.services.db_writer.servers import OwnMariaDb, OwnMongo, Server

S = TypeVar("S", bound=Server)


@pytest.fixture(scope="session")
def mongodb_url(request: pytest.FixtureRequest) -> str:
    """`CAUCE_TEST_MONGODB_URL` spares the start of a fleet."""
    return os.environ.get("CAUCE_TEST_MONGODB_URL") or _fleet(request).state.endpoints.mongodb_url


@pytest.fixture(scope="session")
def mysql_url(request: pytest.FixtureRequest) -> str:
    """`CAUCE_TEST_MYSQL_URL` spares the start of a fleet."""
    return os.environ.get("CAUCE_TEST_MYSQL_URL") or _fleet(request).state.endpoints.mysql_url


def _fleet(request: pytest.FixtureRequest) -> Fleet:
    fleet: Fleet = request.getfixturevalue("fleet")
    return fleet


@pytest.fixture
def database(mongodb_url: str) -> Iterator[Database[Documents]]:
    """An empty database, seen by a second client; it is dropped afterwards."""
    with MongoClient[Documents](mongodb_url, tz_aware=True) as client:
        name = f"test_{uuid4().hex}"
        yield client[name]
        client.drop_database(name)


@pytest.fixture
async def store(mongodb_url: str, database: Database[Documents]) -> AsyncIterator[MongoStore]:
    opened = MongoStore(mongodb_url, database.name)
    await opened.create_indexes({})
    yield opened
    await opened.close()


@pytest.fixture
def table() -> WindowTable:
    """A declared table with every type, under a name of its own."""
    return WindowTable(
        name=f"test_{uuid4().hex[:12]}",
        key=(
            Column("window_start", "DATETIME(3) NOT NULL"),
            Column("label", "VARCHAR(20) NOT NULL"),
        ),
        values=(Column("events", "BIGINT NOT NULL"), Column("mean", "DOUBLE")),
        count="events",
    )


@pytest.fixture
def server(mysql_url: str, table: WindowTable) -> Iterator[MySqlServer]:
    """The server as another client sees it; the test's table is dropped afterwards."""
    with MySqlServer.open(mysql_url) as opened:
        yield opened
        opened.run(f"DROP VIEW IF EXISTS `{table.name}_top2`")
        opened.run(f"DROP TABLE IF EXISTS `{table.name}`")
        for records, column in (("cauce_schema", "name"), ("cauce_epochs", "table_name")):
            with contextlib.suppress(pymysql.err.ProgrammingError):
                opened.run(f"DELETE FROM {records} WHERE {column} LIKE '{table.name}%'")


@pytest.fixture
async def rows(mysql_url: str, table: WindowTable, server: MySqlServer) -> AsyncIterator[MySqlStore]:
    """The store under test, with its table created."""
    opened = MySqlStore(mysql_url)
    await opened.apply_schema([table])
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def own_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnMariaDb]:
    yield from _started(OwnMariaDb(tmp_path_factory.mktemp("mariadb")))


@pytest.fixture(scope="session")
def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnMongo]:
    yield from _started(OwnMongo(tmp_path_factory.mktemp("mongod")))


@pytest.fixture
async def own_rows(own_mariadb: OwnMariaDb, table: WindowTable) -> AsyncIterator[tuple[MySqlStore, MySqlServer]]:
    """As `rows` and `server`, on a server that takes only statements of up to 8 kB."""
    own_mariadb.run("SET GLOBAL max_allowed_packet = 8192")
    opened = MySqlStore(own_mariadb.url())
    await opened.apply_schema([table])
    with MySqlServer.open(own_mariadb.url()) as seen:
        yield opened, seen
    await opened.close()
    own_mariadb.run("SET GLOBAL max_allowed_packet = 16777216")


def _started(server: S) -> Iterator[S]:
    try:
        server.start()
        yield server
    finally:
        server.kill()
