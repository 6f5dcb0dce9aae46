"""The gateway's app on Kafka, MongoDB and an object store in memory or a temporary folder, driven over ASGI."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from services.api_gateway.app import create
from services.api_gateway.broker_clock import BrokerClocks
from services.api_gateway.dead_letter_counts import DeadLetterCounts
from services.api_gateway.events import Events
from services.api_gateway.fleet_view import FleetView
from services.api_gateway.handlers import Uploads
from services.api_gateway.live_view import LiveView
from services.api_gateway.metrics_tail import MetricsTail
from services.api_gateway.parts import Gateway, Limits
from services.api_gateway.reader import DocumentReader
from services.api_gateway.reports_tail import ReportsTail
from services.api_gateway.room import Room
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from services.api_gateway.store import ChunkPlace, Content, DocumentPlace, StoredChunk, Totals
from services.api_gateway.stream_stats import StreamStats
from services.api_gateway.upload_log import UploadLog
from shared.contracts.documents import Counts, DocumentStatus, Reason, Stage, State
from shared.contracts.topics import StoredLog, TopicAdopted
from shared.contracts.uploads import UploadReceived
from shared.dead_letters.acting import Operations
from shared.dead_letters.desk import Desk
from shared.documents import FINAL, Document, fold
from shared.errors import Transient
from shared.kafka.client.adoption import fold_adopted
from shared.kafka.client.identity import TopicIdentity
from shared.kafka.client.topic_watch import Look
from shared.kafka.lag import Lag, compute
from shared.kafka.memory import MemoryBroker, MemoryProducer
from shared.kafka.records import Emit, Partition, Record, encode
from shared.objects import Objects
from shared.runtime.health import Health
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.tables import tables
from shared.streams.topics import all_topics, consumed_topics
from shared.topics import DOCUMENTS_STATUS, FLEET_REPORTS, PROCESSED_METRICS, TOPICS_CONTROL, UPLOADS_RECEIVED
from tests import memory_questions
from tests.services.api_gateway.memory_windows import MemoryWindows

ACME, ACME_KEY = "acme", "key-of-acme"
OTHER, OTHER_KEY = "other", "key-of-other"
KEYS = {hashlib.sha256(key.encode()).hexdigest(): company for key, company in ((ACME_KEY, ACME), (OTHER_KEY, OTHER))}
OPERATOR_KEY = "key-of-an-operator"
KEYS |= {hashlib.sha256(OPERATOR_KEY.encode()).hexdigest(): "operations"}
LIMIT = 1024 * 1024


class MemoryTail:
    """Implements `status_tail.TailSource`. `held` keeps it from reading on, as a slow network would."""

    def __init__(self, broker: MemoryBroker, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._positions: dict[Partition, int] = {}
        self.held = False

    async def start(self, since: float) -> None:
        self._broker.check()
        self._topic_id = self._broker.topic_ids[self._topic]
        self._positions = {
            partition: next((r.offset for r in log if r.timestamp >= since * 1000), len(log))
            for partition, log in self._broker.logs.items()
            if partition.topic == self._topic
        }

    async def records(self) -> AsyncIterator[list[Record]]:
        while True:
            self._broker.check()
            yield [] if self.held else self._next()
            await asyncio.sleep(0.005)

    def _next(self) -> list[Record]:
        batch: list[Record] = []
        for partition, position in self._positions.items():
            fresh = self._broker.logs[partition][position:]
            self._positions[partition] += len(fresh)
            batch += fresh
        return batch

    async def end_offsets(self) -> dict[Partition, int]:
        self._broker.check()
        return {partition: len(self._broker.logs[partition]) for partition in self._positions}

    async def positions(self) -> dict[Partition, int]:
        return dict(self._positions)

    async def check(self) -> None:
        self._broker.check()
        if self._broker.topic_ids[self._topic] != self._topic_id:
            raise Transient(f"`{self._topic}` was made anew")
        if any(position > len(self._broker.logs[place]) for place, position in self._positions.items()):
            raise Transient(f"`{self._topic}` has lost its end")

    async def stop(self) -> None:
        return


class MemoryTopics:
    """Implements `upload_log.Topics`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def look(self) -> Look:
        await asyncio.sleep(0)
        self._broker.check()
        ends = {place: len(log) for place, log in self._broker.logs.items()}
        identities = await MemoryIds(self._broker).now()
        return Look(identities, fold_adopted(self._broker.read(TOPICS_CONTROL.name)), ends)

    async def stop(self) -> None:
        return


class MemoryIds:
    """Implements `upload_log.TopicIds`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.questions = 0

    async def now(self) -> dict[str, TopicIdentity]:
        self.questions += 1
        await asyncio.sleep(0)
        self._broker.check()
        return {
            name: TopicIdentity(topic_id, {place.number: epoch for place, epoch in self._of(name)})
            for name, topic_id in self._broker.topic_ids.items()
        }

    def _of(self, topic: str) -> list[tuple[Partition, int]]:
        return [(place, epoch) for place, epoch in self._broker.epochs.items() if place.topic == topic]

    async def stop(self) -> None:
        return


class MemoryStore:
    """Implements `store.DocumentStore`."""

    def __init__(self) -> None:
        self.known: dict[str, Document] = {}
        self.parts: dict[tuple[str, Content], list[StoredChunk]] = {}
        self.logs: dict[str, StoredLog] = {}
        self.away = False

    async def stored_log(self, topic: str) -> StoredLog | None:
        await self.ping()
        return self.logs.get(topic)

    async def ping(self) -> None:
        if self.away:
            raise Transient("the store is away")

    async def document(self, document_id: str) -> Document | None:
        await self.ping()
        return self.known.get(document_id)

    async def documents(
        self, company_id: str, state: State | None, after: DocumentPlace | None, limit: int
    ) -> Sequence[Document]:
        await self.ping()
        mine = [d for d in self.known.values() if d.company_id == company_id and _wanted(state, d.state)]
        mine.sort(key=_place, reverse=True)
        return [d for d in mine if after is None or _place(d) < _order(after)][:limit]

    async def chunks(
        self, document_id: str, content: Content, after: ChunkPlace | None, limit: int
    ) -> Sequence[StoredChunk]:
        await self.ping()
        found = [part for key, parts in self.parts.items() if _is_of(key, document_id, content) for part in parts]
        chunks = sorted(found, key=lambda chunk: chunk.place)
        return [chunk for chunk in chunks if after is None or chunk.place > after][:limit]

    def add(self, *statuses: DocumentStatus) -> None:
        for status in statuses:
            self.known[status.document_id] = fold(self.known.get(status.document_id), status)

    async def needed(self, paths: Collection[str]) -> set[str]:
        await self.ping()
        return {path for document in self.known.values() for path in document.needed_objects} & set(paths)

    async def totals(self, company_id: str, since: datetime) -> Totals:
        await self.ping()
        mine = [d for d in self.known.values() if d.company_id == company_id]
        done = [d for d in mine if d.state is State.COMPLETE and d.updated_at >= since]
        under_way = Counter(d.stage for d in mine if d.state not in FINAL)
        return Totals({state: sum(d.state is state for d in mine) for state in State}, under_way, len(done))


class MemoryReadings:
    """Implements `readings_store.ReadingsStore`."""

    def __init__(self) -> None:
        self.collections: dict[str, list[dict[str, Any]]] = {}

    async def readings(self, collection: str, where: Mapping[str, Any], limit: int) -> Sequence[Mapping[str, Any]]:
        found = [r for r in self.collections.get(collection, []) if where.items() <= r.items()]
        return sorted(found, key=lambda reading: reading["event_time"], reverse=True)[:limit]


class MemoryQuestions(memory_questions.MemoryQuestions):
    """Implements `topic_questions.TopicQuestions`."""

    async def lag(self) -> Sequence[Lag]:
        self._ask()
        kept = {place: range(len(log)) for place, log in self._broker.logs.items()}
        committed: dict[str, dict[Partition, int]] = {}
        for (group, place), offset in self._broker.committed.items():
            committed.setdefault(group, {})[place] = offset
        return compute(committed, kept)

    async def committed(self, group: str) -> Mapping[Partition, int]:
        self._ask()
        return {place: offset for (one, place), offset in self._broker.committed.items() if one == group}


def _wanted(state: State | None, found: State) -> bool:
    return found is state if state else found is not State.DELETED


def _is_of(key: tuple[str, Content], document_id: str, wanted: Content) -> bool:
    owner, content = key
    same = (owner, content.content_sha256) == (document_id, wanted.content_sha256)
    return same and wanted.chunker in {"", content.chunker}


def _order(place: DocumentPlace) -> tuple[datetime, str]:
    return (place.received_at or datetime.min.replace(tzinfo=UTC), place.document_id)


def _place(document: Document) -> tuple[datetime, str]:
    return _order(DocumentPlace(document.received_at, document.document_id))


@dataclass
class World:
    """One replica of the gateway, and the things around it that a test may disturb."""

    broker: MemoryBroker
    source: MemoryTail
    store: MemoryStore
    view: StatusView
    tail: StatusTail
    gateway: Gateway
    health: Health
    objects_folder: Path
    windows: MemoryWindows
    readings: MemoryReadings
    questions: MemoryQuestions
    metrics: MetricsTail
    reports: ReportsTail
    upload_log: UploadLog
    ids: MemoryIds
    clocks: BrokerClocks

    @property
    def stored_files(self) -> list[Path]:
        return [path for path in self.objects_folder.rglob("*") if path.is_file()]

    @property
    def uploads(self) -> list[UploadReceived]:
        records = self.broker.read(UPLOADS_RECEIVED.name)
        return [UploadReceived.model_validate_json(record.value or b"") for record in records]

    def client(self, key: str | None = ACME_KEY) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(create(self.gateway, self.health), raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)

    def adopt(self, *, incarnation: int = 0, stored: bool = True, at: datetime | None = None) -> None:
        """Puts the topic of uploads in force as it is; with `stored` db_writer has confirmed it."""
        topic, at = UPLOADS_RECEIVED.name, at or datetime.now(UTC)
        topic_id = self.broker.topic_ids[topic]
        adopted = TopicAdopted(topic=topic, topic_id=topic_id, incarnation=incarnation, stored=stored, adopted_at=at)
        [record] = encode([Emit(TOPICS_CONTROL, adopted)], "test")
        self.broker.append(record)
        if stored:
            self.store.logs[topic] = StoredLog(topic=topic, topic_id=topic_id, incarnation=incarnation)

    def tell(self, status: DocumentStatus) -> None:
        """As another service would, over Kafka."""
        [record] = encode([Emit(DOCUMENTS_STATUS, status)], "test")
        self.broker.append(record)


@cache
def shipped() -> tuple[Stream, ...]:
    return load_streams()


def world(folder: Path, streams: Sequence[Stream] | None = None, **limits: Any) -> World:
    streams = streams or shipped()
    broker = MemoryBroker({topic.name: topic.partitions for topic in all_topics(streams)}, max_message_bytes=5 << 20)
    source, store, view = MemoryTail(broker, DOCUMENTS_STATUS.name), MemoryStore(), StatusView()
    tail = StatusTail(source, view, minutes=15)
    windows, readings, questions, live = MemoryWindows(), MemoryReadings(), MemoryQuestions(broker), LiveView()
    metrics = MetricsTail(MemoryTail(broker, PROCESSED_METRICS.name), live, tables(streams))
    letters = DeadLetterCounts(questions)
    reports = ReportsTail(MemoryTail(broker, FLEET_REPORTS.name))
    objects, clocks = Objects(f"file://{folder}"), BrokerClocks(streams)
    ids = MemoryIds(broker)
    upload_log = UploadLog(MemoryTopics(broker), ids, store, "api_gateway", every=0.01, confirm=0.01)
    gateway = Gateway(
        api_keys=KEYS,
        objects=objects,
        uploads=Uploads(MemoryProducer(broker), upload_log, deadline=20),
        upload_log=upload_log,
        upload_room=Room(64 << 20),
        reader=DocumentReader(view, tail, store),
        store=store,
        streams={stream.name: stream for stream in streams},
        windows=windows,
        readings=readings,
        live=live,
        metrics=metrics,
        stats=StreamStats(questions, live, letters),
        fleet=FleetView(questions, letters, [name for name in broker.topics if name.endswith(".dlq")], reports),
        events=Events(MemoryProducer(broker), 20, Room(32 * LIMIT), clocks),
        desk=(desk := Desk(questions, consumed_topics(streams))),
        operations=Operations(desk, MemoryProducer(broker), streams),
        operator_keys=frozenset({hashlib.sha256(OPERATOR_KEY.encode()).hexdigest()}),
        limits=Limits(**{"upload_bytes": LIMIT, "idle": 5.0} | limits),
    )
    checks = {"kafka": tail.probe, "mongodb": store.ping, "mysql": windows.ping, "object store": objects.probe}
    checks[UPLOADS_RECEIVED.name] = upload_log.probe
    health = Health("api_gateway", checks=checks, warners=[clocks.warnings])
    health.started = True
    made = World(
        broker=broker,
        source=source,
        store=store,
        view=view,
        tail=tail,
        gateway=gateway,
        health=health,
        objects_folder=folder,
        windows=windows,
        readings=readings,
        questions=questions,
        metrics=metrics,
        reports=reports,
        upload_log=upload_log,
        ids=ids,
        clocks=clocks,
    )
    made.adopt()
    return made


def status(
    document_id: str,
    state: State,
    stage: Stage,
    *,
    company_id: str = ACME,
    version: int = 0,
    minute: int = 0,
    sha256: str = "a" * 64,
    counts: Counts | None = None,
    reason: Reason | None = None,
    chunker: str | None = None,
) -> DocumentStatus:
    """A status with all facts; `minute` is both when it was received and when the stage was done."""
    at = datetime(2026, 1, 2, 3, minute, tzinfo=UTC)
    return DocumentStatus(
        document_id=document_id,
        company_id=company_id,
        version=version,
        state=state,
        stage=stage,
        counts=counts or Counts(),
        reason=reason,
        at=at,
        content_sha256=sha256,
        received_at=at,
        filename="a.txt",
        media_type="text/plain",
        size_bytes=3,
        s3_path=f"{company_id}/x",
        chunker=chunker,
    )


def chunk(index: int, count: int) -> StoredChunk:
    return StoredChunk(f"00000000-0000-5000-8000-{index:012d}", index, count, f"text {index}", 1, ("A",), 0, 6, 2)


async def call(
    world: World, received: Callable[[], MutableMapping[str, Any] | None], path: str = "/upload"
) -> list[MutableMapping[str, Any]]:
    """Drives the app message by message, which no HTTP client can; `received` gives None where nothing ever comes."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        if (message := received()) is None:
            await asyncio.Event().wait()
            raise AssertionError
        return message

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"x-api-key", ACME_KEY.encode()), (b"content-type", b"multipart/form-data; boundary=b")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("gateway", 80),
        "client": ("client", 1),
    }
    await world.upload_log.look()
    await create(world.gateway, world.health)(scope, receive, send)
    return sent
