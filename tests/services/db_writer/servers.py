"""A MariaDB and a mongod of these tests' own, for what nobody may do to servers that others use: fill them, make them
read-only, let them step down, kill them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pymongo
import pymysql
from pymongo.errors import PyMongoError
from rich.console import Console

from compose.local.progress import PlainFetching
from compose.local.provision import mariadb_folder
from compose.local.settings import LocalSettings
from compose.local.wheels import wheel_folder

HOST = "127.0.0.1"
ADMIN, WRITER, PASSWORD = "admin", "writer", "secret"
STARTS_WITHIN = 60.0


class Server:
    """A process that listens on a port; started anew it has the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def argv(self) -> list[str]:
        raise NotImplementedError

    def check(self) -> None:
        """Raises an error of the server's client, or OSError, until it answers."""
        raise NotImplementedError

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.argv(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                return self.check()
            except (pymysql.err.MySQLError, PyMongoError, OSError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, and its end awaited."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class OwnMariaDb(Server):
    """`admin` may do everything, `writer` only what db_writer must. Tables outside of the system tablespace have a file
    each; that one may grow to 20 MB, then it is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._home = mariadb_folder(LocalSettings(), PlainFetching(Console(stderr=True)))
        (folder / "init.sql").write_text(
            "CREATE DATABASE IF NOT EXISTS cauce CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
            f"CREATE USER IF NOT EXISTS '{ADMIN}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{ADMIN}'@'%';\n"
            f"CREATE USER IF NOT EXISTS '{WRITER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON cauce.* TO '{WRITER}'@'%';\n"
        )
        self._install()

    def _install(self) -> None:
        options = ["--basedir=.", f"--datadir={self.folder / 'data'}", "--skip-test-db", *self._tablespace]
        script = [str(self._home / "scripts" / "mariadb-install-db"), "--no-defaults", *_as_root()]
        subprocess.run([*script, *options], cwd=self._home, check=True, capture_output=True)

    @property
    def _tablespace(self) -> Sequence[str]:
        return ("--innodb-data-file-path=ibdata1:12M:autoextend:max:20M",)

    def argv(self) -> list[str]:
        return [
            str(self._home / "bin" / "mariadbd"),
            "--no-defaults",
            *_as_root(),
            f"--basedir={self._home}",
            f"--datadir={self.folder / 'data'}",
            f"--bind-address={HOST}",
            f"--port={self.port}",
            "--socket=own.sock",
            f"--init-file={self.folder / 'init.sql'}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=32M",
            *self._tablespace,
        ]

    def url(self, user: str = WRITER, port: int | None = None) -> str:
        return f"mysql://{user}:{PASSWORD}@{HOST}:{port or self.port}/cauce"

    def check(self) -> None:
        self.connect(ADMIN).close()

    def connect(self, user: str) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host=HOST, port=self.port, user=user, password=PASSWORD, database="cauce", autocommit=True
        )

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """As the administrator."""
        with closing(self.connect(ADMIN)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


class OwnMongo(Server):
    """A replica set of one, which takes orders to fail commands."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        wheel = wheel_folder("mongod", LocalSettings(), PlainFetching(Console(stderr=True)))
        self._mongod = wheel / "fiftyone" / "db" / "bin" / "mongod"
        self._begun = False

    def argv(self) -> list[str]:
        return [
            str(self._mongod),
            f"--dbpath={self.folder}",
            f"--bind_ip={HOST}",
            f"--port={self.port}",
            "--nounixsocket",
            "--quiet",
            "--wiredTigerCacheSizeGB=0.25",
            "--oplogSize=64",
            "--replSet=own",
            "--setParameter=enableTestCommands=1",
            "--setParameter=diagnosticDataCollectionEnabled=false",
        ]

    def url(self, port: int | None = None) -> str:
        return f"mongodb://{HOST}:{port or self.port}/?directConnection=true"

    def check(self) -> None:
        """Until it is primary."""
        if not self._begun:
            member = {"_id": 0, "host": f"{HOST}:{self.port}"}
            self.admin({"replSetInitiate": {"_id": "own", "members": [member]}})
            self._begun = True
        if not self.admin({"hello": 1})["isWritablePrimary"]:
            raise OSError("no primary yet")

    def admin(self, command: dict[str, Any]) -> dict[str, Any]:
        with pymongo.MongoClient[dict[str, Any]](self.url(), serverSelectionTimeoutMS=500) as client:
            return client.admin.command(command)

    def fail(self, commands: Sequence[str], times: int, **how: Any) -> None:
        """The next commands of these names fail, as the drivers' own tests order it."""
        data = {"failCommands": list(commands), **how}
        self.admin({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})

    def stop_failing(self) -> None:
        self.admin({"configureFailPoint": "failCommand", "mode": "off"})


def _as_root() -> list[str]:
    """MariaDB refuses to run as root unless root is named."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port
