"""A fleet of real processes for tests, seen from outside: HTTP, stores, topics, process ids."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pymongo
import pymysql
from pymysql.cursors import Cursor

from compose.local.state import FleetState, load_state
from shared.kafka.client import Connection

ROOT = Path(__file__).resolve().parents[2]
OTHER_KEY = "the-key-of-another-company"
FINAL = {"complete", "failed", "superseded", "deleted"}


@dataclass(frozen=True)
class Upload:
    """An accepted upload of a file."""

    file: Path
    document_id: str
    version: int


@dataclass(frozen=True)
class Sums:
    """What the stores hold of some documents."""

    documents: int
    chunks: int
    vectors: int


class Fleet:
    """Starts and stops through the operator's own command, like anybody would."""

    def __init__(self, state_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is added to that of every process, such as `CAUCE_STREAMS_DIR`."""
        self.state_dir = state_dir
        self._environment = dict(environment or {})

    def up(self, *options: str) -> None:
        self._cauce("up", "--detach", *options)

    @property
    def key(self) -> str:
        """The development key, of the company `demo`."""
        return (self.state_dir / "api_key").read_text().strip()

    def down(self) -> None:
        self._cauce("down", "--wipe")

    def _cauce(self, *words: str) -> None:
        code, said = self.cauce(*words)
        assert code == 0, f"cauce {' '.join(words)}:\n{said}"

    def cauce(self, *words: str) -> tuple[int, str]:
        """Runs the operator's command on this fleet; returns its exit code and what it said."""
        other = {hashlib.sha256(OTHER_KEY.encode()).hexdigest(): "other"}
        ours = {"CAUCE_STATE_DIR": str(self.state_dir), "CAUCE_API_KEYS": json.dumps(other)}
        done = subprocess.run(
            [sys.executable, "-m", "cauce", *words],
            cwd=ROOT,
            env={**os.environ, **ours, **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout

    # ---- processes -----------------------------------------------------------------------------------------------

    @property
    def state(self) -> FleetState:
        state = load_state(self.state_dir / "state.json")
        assert state is not None
        return state

    def process(self, name: str) -> psutil.Process:
        """The process that plays this part now."""
        identity = next(process.identity for process in self.state.processes if process.name == name)
        process = identity and identity.process()
        assert process, f"{name} does not run"
        return process

    def kill(self, name: str) -> int:
        """SIGKILL, as the kernel does when memory is short. Returns the process id."""
        process = self.process(name)
        process.send_signal(signal.SIGKILL)
        return process.pid

    async def until_restarted(self, name: str, old_pid: int) -> None:
        """Waits until another process plays the part and is ready: under load Spark takes minutes to begin anew."""
        async with asyncio.timeout(300):
            while True:
                member = next(process for process in self.state.processes if process.name == name)
                if member.identity and member.identity.pid != old_pid and member.health == "ready":
                    return
                await asyncio.sleep(0.2)

    # ---- HTTP ----------------------------------------------------------------------------------------------------

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.AsyncClient(base_url=self.state.endpoints.gateway_url, headers=headers, timeout=60)

    async def upload(self, files: Iterable[Path], *, at_once: int = 8, key: str | None = None) -> list[Upload]:
        """Uploads every file, some at a time; each must be accepted. A gateway that is away is tried again."""
        gate = asyncio.Semaphore(at_once)
        async with self.client(key) as client:

            async def one(file: Path) -> Upload:
                async with gate:
                    answer = await _insist(client, "POST", "/upload", files={"file": (file.name, file.read_bytes())})
                return Upload(file, answer["document_id"], answer["version"])

            return list(await asyncio.gather(*(one(file) for file in files)))

    async def put(self, name: str, file: Path, *, key: str | None = None) -> Upload:
        async with self.client(key) as client:
            path = f"/documents/by-name/{name}"
            answer = await _insist(client, "PUT", path, files={"file": (file.name, file.read_bytes())})
        return Upload(file, answer["document_id"], answer["version"])

    async def until_final(
        self, uploads: Sequence[Upload], *, key: str | None = None, seconds: float = 300
    ) -> dict[str, dict[str, Any]]:
        """Waits until every uploaded version has come to its end; returns the documents by id."""
        documents: dict[str, dict[str, Any]] = {}
        async with self.client(key) as client:
            try:
                async with asyncio.timeout(seconds):
                    for upload in uploads:
                        documents[upload.document_id] = await _until_final(client, upload)
            except TimeoutError:
                missing = [upload.file.name for upload in uploads if upload.document_id not in documents]
                raise AssertionError(f"not finished after {seconds:g} s: {missing}") from None
        return documents

    # ---- stores --------------------------------------------------------------------------------------------------

    def mongo(self) -> pymongo.MongoClient[dict[str, Any]]:
        return pymongo.MongoClient(self.state.endpoints.mongodb_url)

    def sums(self, document_ids: Iterable[str]) -> Sums:
        ids = list(document_ids)
        among = {"document_id": {"$in": ids}}
        with self.mongo() as client:
            database = client[self.state.endpoints.mongodb_database]
            return Sums(
                database.documents.count_documents({"_id": {"$in": ids}}),
                database.chunks.count_documents(among),
                database.embeddings.count_documents(among),
            )

    def chunk_ids(self, collection: str, document_ids: Iterable[str]) -> list[str]:
        """The chunk ids in a collection, of these documents."""
        with self.mongo() as client:
            rows = client[self.state.endpoints.mongodb_database][collection]
            return [row["_id"] for row in rows.find({"document_id": {"$in": list(document_ids)}}, {"_id": 1})]

    def texts(self, document_id: str) -> list[dict[str, Any]]:
        with self.mongo() as client:
            rows = client[self.state.endpoints.mongodb_database].chunks
            return list(rows.find({"document_id": document_id}).sort("chunk_index"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The result of a query in MySQL."""
        url = httpx.URL(self.state.endpoints.mysql_url)
        connection: pymysql.Connection[Cursor] = pymysql.connect(
            host=url.host,
            port=url.port or 3306,
            user=url.username,
            password=url.password,
            database=url.path.lstrip("/"),
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    @property
    def kafka(self) -> Connection:
        return Connection(self.state.endpoints.kafka, "tests")


async def _insist(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> dict[str, Any]:
    """A 503 or a broken connection means `may still be accepted, repeating is safe`: so it is repeated."""
    async with asyncio.timeout(180):
        while True:
            try:
                answer = await client.request(method, path, **request)
            except httpx.TransportError:
                await asyncio.sleep(0.5)
                continue
            if answer.status_code != 503:
                assert answer.status_code == 202, answer.text
                return dict(answer.json())
            await asyncio.sleep(float(answer.headers["Retry-After"]))


async def _until_final(client: httpx.AsyncClient, upload: Upload) -> dict[str, Any]:
    while True:
        try:
            answer = await client.get(f"/documents/{upload.document_id}")
        except httpx.TransportError:
            answer = httpx.Response(503)
        if answer.status_code == 200:
            document = dict(answer.json())
            if document["version"] >= upload.version and document["state"] in FINAL:
                return document
        else:
            assert answer.status_code == 503, answer.text
        await asyncio.sleep(0.2)
