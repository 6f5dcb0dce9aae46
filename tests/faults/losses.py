"""Logs that are lost, cut or exchanged, and stores that are put back to an older state: documents are what is watched.

Other cases than the rest: nothing ends by itself, and that is the point. Each loss is said by those whom it concerns,
nothing is accepted that would be lost, and the operator's command goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

from shared.topics import (
    STREAMS_CONTROL,
    TOPICS_CONTROL,
    Topic,
)
from tests.adopting import delete_topic, make_anew
from tests.faults.load import text_of
from tests.faults.results import Row, record
from tests.faults.world import HOPS, SERVICES, World
from tests.waiting import until

KIND = "loss"
NAMES = 4
WITHIN = 90.0
ADVICE = "cauce topics adopt"
GATEWAY = "api_gateway"


class LossWorld(World):
    """A world that can lose its broker's data, and have its stores put back."""

    async def lose_kafka(self) -> None:
        """As after a disk failure: the broker comes back with nothing, and somebody has applied the topics."""
        self.kill("kafka")
        shutil.rmtree(self.layout.data("kafka") / "log")
        await self.format_kafka()
        self.start("kafka")
        await self.ready("kafka")
        self.run("cauce", "topics", "apply")

    def cut(self, topic: Topic) -> None:
        """While the broker is down: of each partition half of what was written last is not on the disk any more."""
        for segment in sorted(self.layout.data("kafka").glob(f"log/{topic.name}-[0-9]*/*.log")):
            with segment.open("r+b") as file:
                file.truncate(segment.stat().st_size // 2)

    def keep_stores(self) -> Path:
        """A backup of MongoDB as it is now."""
        kept = self.layout.root / f"backup-{uuid4().hex[:8]}"
        self.stop("mongodb")
        shutil.copytree(self.layout.data("mongodb"), kept)
        return kept

    def put_back(self, kept: Path) -> None:
        """While MongoDB is down."""
        for found in self.layout.data("mongodb").iterdir():
            shutil.rmtree(found) if found.is_dir() else found.unlink()
        shutil.copytree(kept, self.layout.data("mongodb"), dirs_exist_ok=True)

    async def problems(self, name: str) -> str:
        """What `/ready` of a service says that isn't well; empty where it is ready."""
        async with httpx.AsyncClient(timeout=10) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port(name)}/ready")
            except httpx.TransportError as error:
                return str(error) or "no answer"
        return "" if answer.is_success else str(answer.json()["problems"])


@dataclass
class Library:
    """Named documents of one company, and the newest content of each that was answered 202."""

    world: LossWorld
    accepted: dict[str, bytes] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    _prefix: str = field(default_factory=lambda: uuid4().hex[:6])
    _edition: int = 0

    async def edition(self, *, names: int = NAMES) -> list[int]:
        """The next content of each; returns the statuses of the answers."""
        self._edition += 1
        return [await self.put(f"{self._prefix}-{number}", self._edition) for number in range(names)]

    async def put(self, name: str, edition: int) -> int:
        content = text_of([f"{name}e{edition}w{word}" for word in range(4)])
        async with self._client() as client:
            try:
                answer = await client.put(f"/documents/by-name/{name}", files={"file": (f"{name}.txt", content)})
            except httpx.TransportError:
                return 0
        if answer.status_code == httpx.codes.ACCEPTED:
            told = answer.json()
            assert told["version"] >= self.versions.get(name, -1), "a newer upload has an older version"
            self.accepted[name], self.ids[name] = content, told["document_id"]
            self.versions[name] = told["version"]
        else:
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            assert "Retry-After" in answer.headers
        return answer.status_code

    async def all_complete(self) -> bool:
        """Whether readers see, of each document, the newest content that was accepted."""
        return await asyncio.to_thread(self._all_complete)

    def _all_complete(self) -> bool:
        with self.world.mongo() as database:
            rows = {row["_id"]: row for row in database.documents.find({"_id": {"$in": list(self.ids.values())}})}
        return all(
            (row := rows.get(self.ids[name])) is not None
            and row["state"] == "complete"
            and row["current"]["content_sha256"] == hashlib.sha256(content).hexdigest()
            for name, content in self.accepted.items()
        )

    def _client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.world.key}"}
        return httpx.AsyncClient(base_url=self.world.endpoints.gateway_url, headers=headers, timeout=30)


Lose = Callable[[LossWorld, Library], Awaitable[None]]


@dataclass(frozen=True)
class Loss:
    """`lost` is a row of the table in docs/guarantees.md and `kept` its column. `concerned` are the services that must
    say it; with none of them everything goes on by itself."""

    lost: str
    kept: str
    lose: Lose
    concerned: tuple[str, ...]
    expected: str

    @property
    def name(self) -> str:
        return f"{self.lost}; {self.kept}"


async def run(world: LossWorld, loss: Loss) -> None:
    library = Library(world)
    assert set(await library.edition()) == {202}
    await until(library.all_complete, seconds=WITHIN)
    await loss.lose(world, library)
    if loss.concerned:
        await _is_said(world, loss)
        await _nothing_is_accepted_in_vain(world, library)
        _adopt(world)
    await _goes_on(world, library)
    seen = f"{len(library.accepted)} documents complete, as accepted last; the ledger balances"
    record(Row(KIND, loss.lost, loss.kept, loss.expected, seen, held=True))


async def _is_said(world: LossWorld, loss: Loss) -> None:
    for service in loss.concerned:
        await until(lambda service=service: _says(world, service), seconds=WITHIN)


async def _says(world: LossWorld, service: str) -> bool:
    return ADVICE in await world.problems(service)


async def _nothing_is_accepted_in_vain(world: LossWorld, library: Library) -> None:
    """Where the gateway can't keep it, the sender hears 503; what it accepts while others stand still is for later."""
    statuses = await library.edition()
    if ADVICE in await world.problems(GATEWAY):
        assert set(statuses) == {503}, statuses


def _adopt(world: LossWorld) -> None:
    """What would be done, then done; then nothing is left to do."""
    planned = world.run("cauce", "topics", "adopt")
    assert "nothing was done" in planned, planned
    world.run("cauce", "topics", "adopt", "--yes", "--why", "a test")
    assert "nothing is to be adopted" in world.run("cauce", "topics", "adopt")


async def _goes_on(world: LossWorld, library: Library) -> None:
    """A producer whose sequence was cut off with the log is built anew: the sender may hear 503 once, and repeats."""
    for service in SERVICES:
        await world.ready(service)
    await until(lambda: _is_accepted(library), seconds=WITHIN)
    await until(library.all_complete, seconds=WITHIN)
    world.run("cauce", "ledger")


async def _is_accepted(library: Library) -> bool:
    return set(await library.edition()) == {202}


# ---- losses ----------------------------------------------------------------------------------------------------------


async def lose_everything(world: LossWorld, _: Library) -> None:
    await world.lose_kafka()


async def lose_everything_unread(world: LossWorld, library: Library) -> None:
    """With uploads that were answered 202 and that nobody had read yet."""
    for hop in HOPS:
        world.stop(hop)
    await library.edition()
    await world.lose_kafka()
    for hop in HOPS:
        world.start(hop)


def anew(topic: Topic) -> Lose:
    async def lose(world: LossWorld, _: Library) -> None:
        await make_anew(world.kafka, topic)

    return lose


def anew_under_load(topic: Topic) -> Lose:
    async def lose(world: LossWorld, library: Library) -> None:
        over = asyncio.Event()
        sending = asyncio.create_task(_send_until(library, over))
        await asyncio.sleep(2)
        await make_anew(world.kafka, topic)
        await asyncio.sleep(4)
        over.set()
        await sending

    return lose


async def _send_until(library: Library, over: asyncio.Event) -> None:
    while not over.is_set():
        await library.edition()


def cut(topic: Topic) -> Lose:
    async def lose(world: LossWorld, library: Library) -> None:
        """Nobody had read what is lost: their readers stand still meanwhile."""
        world.stop("ingest")
        await library.edition()
        world.kill("kafka")
        world.cut(topic)
        world.start("kafka")
        await world.ready("kafka")
        world.start("ingest")

    return lose


async def lose_controls(world: LossWorld, _: Library) -> None:
    for topic in (TOPICS_CONTROL, STREAMS_CONTROL):
        await delete_topic(world.kafka, topic)
    world.run("cauce", "topics", "apply")


async def older_stores(world: LossWorld, library: Library) -> None:
    kept = world.keep_stores()
    world.start("mongodb")
    await world.ready("mongodb")
    assert set(await library.edition()) == {202}
    await until(library.all_complete, seconds=WITHIN)
    world.stop("mongodb")
    world.put_back(kept)
    world.start("mongodb")
    await world.ready("mongodb")


def both(lose: Lose) -> Lose:
    async def first_the_stores(world: LossWorld, library: Library) -> None:
        kept = world.keep_stores()
        world.start("mongodb")
        await world.ready("mongodb")
        assert set(await library.edition()) == {202}
        await until(library.all_complete, seconds=WITHIN)
        world.stop("mongodb")
        world.put_back(kept)
        await lose(world, library)
        world.start("mongodb")
        await world.ready("mongodb")

    return first_the_stores
