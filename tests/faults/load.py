"""Sends load and writes down, as truth, what must become of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from shared.contracts import ids
from shared.contracts.base import format_instant
from shared.contracts.uploads import UploadReceived
from shared.errors import Transient
from shared.kafka.client import KafkaProducer
from shared.kafka.records import Acknowledged, Outgoing
from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    UPLOADS_RECEIVED,
)
from tests.faults.truth import COLLECTION, GROUP_OF, TABLE, Cell, Expected, Letter, Measure, Size, Truth, Uploaded
from tests.faults.world import World


class Load:
    """Sends what it adds to the truth, past the proxies: no fault but the broker's own keeps it from arriving."""

    def __init__(self, world: World, truth: Truth, size: Size | None = None) -> None:
        self._world = world
        self._truth = truth
        self._size = size or Size()
        self._producer = KafkaProducer(world.kafka, deadline=10)

    async def send(self) -> None:
        """All waves."""
        for wave in range(self._size.waves):
            await self.wave(wave)
            await asyncio.sleep(self._size.pause)

    async def stop(self) -> None:
        await self._producer.stop()

    async def wave(self, wave: int) -> None:
        await self._documents(wave)
        await self._insist(self._windows(wave))
        await self._insist(self._readings(wave))
        if self._size.bad:
            await self._bad_documents(wave)
            await self._insist(self._bad(wave))

    async def _insist(self, records: Sequence[Outgoing]) -> Sequence[Acknowledged]:
        """As often as it takes, one after the other where it is repeated: the order per key is the sender's."""
        while True:
            try:
                return await self._producer.publish(records)
            except Transient:
                await asyncio.sleep(0.5)

    # ---- documents -----------------------------------------------------------------------------------------------

    async def _documents(self, wave: int) -> None:
        """Half of them under a name that the next wave gives another content."""
        for place in range(self._size.documents):
            words = tuple(f"w{wave}d{place}x{number}" for number in range(12))
            name = f"name-{place}" if place % 2 else None
            await self.upload(text_of(words), f"{wave}-{place}.txt", words=words, name=name)

    async def _bad_documents(self, wave: int) -> None:
        picture = b"\x89PNG\r\n\x1a\n" + bytes(60) + f"{self._truth.company} {wave}".encode()
        await self.upload(picture, "picture.png", code="unsupported", letter=("ingest", UPLOADS_RECEIVED.name))
        broken = b"%PDF-1.4\nnot a document" + f"{self._truth.company} {wave}".encode()
        await self.upload(broken, "broken.pdf", code="corrupt", letter=("docproc", DOCUMENTS_RAW.name))

    async def upload(
        self,
        content: bytes,
        filename: str,
        *,
        words: tuple[str, ...] = (),
        name: str | None = None,
        code: str | None = None,
        letter: tuple[str, str] | None = None,
        missing: bool = False,
    ) -> Uploaded:
        """As the gateway does it: the bytes are stored (unless they are to be missing), then the event is published."""
        sha256 = hashlib.sha256(content).hexdigest()
        company = self._truth.company
        key = ids.named_document_id(company, name) if name else ids.document_id(company, sha256)
        path = self._world.layout.objects / company / uuid4().hex
        path.parent.mkdir(exist_ok=True)
        if not missing:
            path.write_bytes(content)
        event = UploadReceived(
            document_id=key,
            company_id=company,
            s3_path=f"{company}/{path.name}",
            filename=filename,
            sha256=sha256,
            size_bytes=len(content),
            name=name,
        )
        record = Outgoing(UPLOADS_RECEIVED.name, key.encode(), event.model_dump_json().encode())
        (acknowledged,) = await self._insist([record])
        self._truth.documents[key] = Expected(acknowledged.offset, sha256, words, code)
        if letter:
            self._truth.letters.add(Letter(*letter, key))
        return Uploaded(key, path, content)

    # ---- streams -------------------------------------------------------------------------------------------------

    def _windows(self, wave: int) -> list[Outgoing]:
        """Each row again and again with a greater count, as Spark does in update mode."""
        records = []
        for counted in range(4 * wave + 1, 4 * wave + 5):
            for film in range(self._size.windows):
                cell = Cell(1, counted, counted + film / 100)
                self._truth.windows[film] = max(cell, self._truth.windows.get(film, cell))
                records.append(self.window(film, cell))
        return records

    def window(self, film: int, cell: Cell) -> Outgoing:
        start = self._truth.first_window
        row = {
            "_table_name": TABLE,
            "_epoch": cell.epoch,
            "window_start": format_instant(start),
            "window_end": format_instant(start + timedelta(minutes=1)),
            "movieId": film,
            "count": cell.counted,
            "avg_rating": cell.average,
        }
        return Outgoing(PROCESSED_METRICS.name, f"{TABLE}|{start}|{film}".encode(), json.dumps(row).encode())

    def _readings(self, wave: int) -> list[Outgoing]:
        """New ones, and of each wave the first ten are a later word on the ids of the wave before."""
        records = []
        for place in range(self._size.readings):
            name = f"{self._truth.company}-{max(0, wave - 1) if place < 10 else wave}-{place}"
            time = self._truth.first_window + timedelta(seconds=wave)
            measure = Measure(time, 1000 * wave + place, wave + place / 100)
            self._truth.readings[name] = max(measure, self._truth.readings.get(name, measure))
            records.append(self.reading(name, measure))
        return records

    def reading(self, name: str, measure: Measure) -> Outgoing:
        row = {
            "_collection_name": COLLECTION,
            "_id": name,
            "_position": f"sensors.sound-0-{measure.offset}",
            "_offset": measure.offset,
            "_event_time": format_instant(measure.event_time),
            "_received_at": format_instant(measure.event_time),
            "sensor_id": name,
            "timestamp": int(measure.event_time.timestamp() * 1000),
            "value": measure.value,
        }
        return Outgoing(PROCESSED_READINGS.name, name.encode(), json.dumps(row).encode())

    # ---- what nobody can process ---------------------------------------------------------------------------------

    def _bad(self, wave: int) -> list[Outgoing]:
        """Among good ones: bytes that are no message, a table and a collection that nobody declared."""
        key = f"{self._truth.company}-bad-{wave}"
        values = {
            CHUNKS_PROCESSED.name: b"no message",
            EMBEDDINGS_READY.name: b"no message",
            PROCESSED_METRICS.name: self.window(0, Cell(1, 1, 1.0)).value.replace(TABLE.encode(), b"nobodys"),  # type: ignore[union-attr]
            PROCESSED_READINGS.name: b"{}",
        }
        self._truth.letters |= {Letter(group, topic, key) for topic in values for group in GROUP_OF[topic]}
        return [Outgoing(topic, key.encode(), value) for topic, value in values.items()]


def text_of(words: Sequence[str]) -> bytes:
    """A text of some chunks in which each word is once."""
    return "\n\n".join(f"{_SENTENCE} The marker of this part is {word}." for word in words).encode()


_SENTENCE = "Water finds its way through every stone that lies in the bed of the river, given the time that it takes."
