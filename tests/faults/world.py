"""The parts of a fleet as processes of the tests' own, with a proxy on every way between a service and a server.

Made of the local stack's building blocks, without its supervisor: a test decides who dies and when he comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymongo
import pymysql
from pymongo.errors import PyMongoError
from pymysql.cursors import Cursor
from rich.console import Console

from compose.local import services
from compose.local.plan import Plan, Wish, make_plan, server_programs
from compose.local.ports import HOST, free_port
from compose.local.probes import in_thread
from compose.local.program import Program, Unready
from compose.local.progress import PlainFetching
from compose.local.provision import Tools, provision
from compose.local.services import Instance
from compose.local.settings import ROOT, Layout, LocalSettings
from compose.local.state import Endpoints
from shared.kafka.client import Connection
from shared.mysql_address import MySqlAddress
from tests.faults.disks import Disks
from tests.faults.links import Link
from tests.faults.parts import Parts
from tests.faults.proxy import Proxy
from tests.faults.wires import KAFKA, MONGODB, MYSQL

SERVERS = ("kafka", "mariadb", "mongodb")
HOPS = ("ingest", "docproc", "embedding", "db_writer")
SERVICES = (*HOPS, "api_gateway")
SMALL = {"CAUCE_CHUNK_MAX_TOKENS": "48", "CAUCE_PARSE_WORKERS": "1", "CAUCE_DRAIN_SECONDS": "5"}
"""Documents of a few lines have several chunks then."""


class World(Parts):
    """Call `begin`, then `end`. Names of parts are those of the servers and the services; `docproc-2` is a second
    docproc, behind the same links."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        super().__init__(Layout(folder))
        self.layout.create()
        self.disks = Disks(folder / "data", SERVERS)
        self._proxy = proxy
        self.links: dict[tuple[str, str], Link] = {}

    # ---- life ----------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        self.disks.mount()
        settings = LocalSettings(state_dir=self.layout.root)
        self._tools = provision(settings, os.environ, PlainFetching(Console(stderr=True)))
        self._plan = make_plan(Wish(), self.layout, self._tools, {**os.environ, **SMALL})
        await self._prepare_servers(self._plan, self._tools)
        for server in SERVERS:
            self.start(server)
        await asyncio.gather(*(self.ready(server) for server in SERVERS))
        self.run("cauce", "topics", "apply")
        self.run("services.db_writer", "--init")
        for service in SERVICES:
            self.start(service)
        await asyncio.gather(*(self.ready(service) for service in SERVICES))

    async def _prepare_servers(self, plan: Plan, tools: Tools) -> None:
        for program in await server_programs(plan, self.layout, tools):
            self._programs[program.name] = program
        # The supervisor's probe keeps a client for its whole life.
        self._programs["mongodb"] = replace(self._programs["mongodb"], probe=in_thread(self._ping))
        for service in SERVICES:
            self._link(service, "kafka", free_port(self._taken()))
        self._link("db_writer", "mariadb", plan.remembered.ports["mariadb"])
        self._link("db_writer", "mongodb", plan.remembered.ports["mongodb"])
        self._listen_behind_links()

    def _listen_behind_links(self) -> None:
        behind = {service: self.links[service, "kafka"] for service in SERVICES}
        with Path(self._programs["kafka"].argv[-1]).open("a") as properties:
            properties.write(_listeners(self._plan.remembered.ports, behind))

    async def format_kafka(self) -> None:
        """A broker of the same address with nothing on its disk, where what was there is gone."""
        await server_programs(self._plan, self.layout, self._tools)
        self._listen_behind_links()

    def _ping(self) -> Unready | None:
        try:
            with self.mongo() as database:
                database.command("ping")
        except PyMongoError as error:
            return Unready(str(error))
        return None

    def _link(self, service: str, server: str, target: int) -> Link:
        """Kafka's clients go where the broker says that it is: so each service has a listener of its own there, which
        says the proxy's port. The stores' clients go where they are told."""
        wire = {"kafka": KAFKA, "mariadb": MYSQL, "mongodb": MONGODB}[server]
        link = self._proxy.link(f"{service}-{server}", free_port(self._taken() | {target}), target, wire)
        self.links[service, server] = link
        return link

    def _taken(self) -> set[int]:
        """Ports that are spoken for, though nobody may listen yet."""
        links = {port for link in self.links.values() for port in (link.port, link.target)}
        return links | {*self._plan.remembered.ports.values()}

    def end(self) -> None:
        """Services first; what doesn't end is killed."""
        self.end_all([name for name in self._running if name not in SERVERS])
        self.end_all([*self._running])
        self.disks.unmount()

    def run(self, module: str, *words: str) -> str:
        """A command that ends, past the proxies; returns what it said."""
        command = [sys.executable, "-m", module, *words]
        done = subprocess.run(command, env=self._plan.env, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    # ---- parts ---------------------------------------------------------------------------------------------------

    def _missing(self, name: str) -> Program:
        service = name.split("-", maxsplit=1)[0]
        taken = self._taken() | {program.port or 0 for program in self._programs.values()}
        port = self._plan.remembered.ports.get(name) or free_port(taken)
        env = {**self._plan.env, **self._addresses(service)}
        return services.program(Instance(service, name), port, env, self._plan.key)

    def _addresses(self, service: str) -> dict[str, str]:
        ends = self.endpoints
        found = {}
        if link := self.links.get((service, "kafka")):
            found["KAFKA_BOOTSTRAP_SERVERS"] = f"{HOST}:{link.port}"
        if link := self.links.get((service, "mariadb")):
            found["CAUCE_MYSQL_URL"] = _with_port(ends.mysql_url, link.port)
        if link := self.links.get((service, "mongodb")):
            found["CAUCE_MONGODB_URL"] = _with_port(ends.mongodb_url, link.port)
        return found

    async def mend(self) -> None:
        """Everything as at the beginning: whatever a case left broken, dead or suspended."""
        self._proxy.pass_everything()
        self.disks.empty()
        for name in [name for name in self._running if name not in (*SERVERS, *SERVICES)]:
            self._reap(name, 0)
        for name in (*SERVERS, *SERVICES):
            if self.alive(name):
                self.signal(name, signal.SIGCONT)
            else:
                await self.restart(name)
        await asyncio.gather(*(self.ready(name) for name in (*SERVERS, *SERVICES)))

    # ---- from outside --------------------------------------------------------------------------------------------

    @property
    def proxy(self) -> Proxy:
        return self._proxy

    @property
    def endpoints(self) -> Endpoints:
        return self._plan.endpoints

    @property
    def key(self) -> str:
        return self._plan.key

    @property
    def kafka(self) -> Connection:
        return Connection(self.endpoints.kafka, "tests")

    @contextlib.contextmanager
    def mongo(self) -> Any:
        """The database, past the proxies."""
        with pymongo.MongoClient[dict[str, Any]](
            self.endpoints.mongodb_url, tz_aware=True, timeoutMS=30_000, serverSelectionTimeoutMS=3_000
        ) as client:
            yield client[self.endpoints.mongodb_database]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The result of a query in MySQL, past the proxies."""
        address = MySqlAddress.parse(self.endpoints.mysql_url)
        connection: pymysql.Connection[Cursor] = pymysql.connect(
            **address.login, database=address.database, autocommit=True, connect_timeout=3, read_timeout=5
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())


def _with_port(url: str, port: int) -> str:
    """The same address with another port: the only number behind the host."""
    before, _, behind = url.partition(f"{HOST}:")
    return f"{before}{HOST}:{port}{behind.lstrip('0123456789')}"


def _listeners(ports: Mapping[str, int], links: Mapping[str, Link]) -> str:
    """Replaces what stands above it in the properties: the last of two lines counts."""
    own = {"PLAINTEXT": ports["kafka"], "CONTROLLER": ports["kafka_controller"]}
    listen = own | {f"VIA_{name.upper()}": link.target for name, link in links.items()}
    advertise = {"PLAINTEXT": ports["kafka"]} | {f"VIA_{name.upper()}": link.port for name, link in links.items()}
    return "".join(
        f"{setting}={','.join(values)}\n"
        for setting, values in {
            "listeners": [f"{name}://{HOST}:{port}" for name, port in listen.items()],
            "advertised.listeners": [f"{name}://{HOST}:{port}" for name, port in advertise.items()],
            "listener.security.protocol.map": [f"{name}:PLAINTEXT" for name in listen],
        }.items()
    )
