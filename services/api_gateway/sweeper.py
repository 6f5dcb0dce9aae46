"""Removes stored objects that no document needs: interrupted uploads, superseded contents, what a deletion didn't know.

An object is written before anybody hears of it, so only old ones are looked at; and only while everything that was said
in between has arrived in the store of documents, whose word it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from services.api_gateway.store import DocumentStore
from services.api_gateway.topic_questions import TopicQuestions
from services.api_gateway.upload_log import UploadLog
from shared.errors import Transient
from shared.objects import GONE, Found, Objects
from shared.texts import original
from shared.topics import DOCUMENTS_RAW, DOCUMENTS_STATUS, UPLOADS_RECEIVED

log = structlog.get_logger()

TELLERS = {"ingest": UPLOADS_RECEIVED.name, "db_writer.documents": DOCUMENTS_STATUS.name}
"""Consumer groups and the topics by which they make an upload known to the store of documents."""
WORD_KEPT = DOCUMENTS_RAW.retention + timedelta(days=8)
"""For so long a replay may come across the record of an object that was removed, and must hear so."""

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Swept:
    """How many objects there were, and how many of them went."""

    objects: int = 0
    removed: int = 0


class Sweeper:
    """Several at once do no harm."""

    def __init__(
        self,
        objects: Objects,
        store: DocumentStore,
        questions: TopicQuestions,
        uploads: UploadLog,
        *,
        every: float,
        age: float,
    ) -> None:
        """In seconds: how often, and how old an object must be. `every` of 0 is never."""
        self._objects = objects
        self._store = store
        self._questions = questions
        self._uploads = uploads
        self._every = every
        self._age = timedelta(seconds=age)

    async def run(self) -> None:
        """Without end."""
        while self._every:
            await asyncio.sleep(self._every)
            try:
                swept = await self.sweep()
            except Transient as error:
                log.warning("not swept", error=str(error))
            else:
                log.info("swept", objects=swept.objects, removed=swept.removed)
        await asyncio.Event().wait()

    async def sweep(self) -> Swept:
        """Once over all objects. Raises Transient, also where the store of documents isn't up to date, or the
        log of uploads is not in force."""
        now = datetime.now(UTC)
        await self._check_that_all_is_told(time.time() - self._age.total_seconds() / 2)
        swept = Swept()
        async for found in self._objects.listed():
            swept.objects += len(found)
            kept_before = self._uploads.orphans_kept_before(now) or _EVER
            swept.removed += await self._forget([one for one in found if now - one.written_at > WORD_KEPT])
            old = [one for one in found if now - one.written_at > self._age]
            swept.removed += await self._remove([one for one in old if one.written_at >= kept_before])
        return swept

    async def _check_that_all_is_told(self, since: float) -> None:
        for group, topic in TELLERS.items():
            [needed], committed = await asyncio.gather(
                self._questions.offsets_at(topic, [int(since * 1000)]), self._questions.committed(group)
            )
            if any(committed.get(partition, 0) < offset for partition, offset in needed.items()):
                raise Transient(f"`{group}` is too far behind in `{topic}` to know what may go")

    async def _forget(self, old: Sequence[Found]) -> int:
        words = [one.path for one in old if one.path.endswith(GONE)]
        for path in words:
            await self._objects.delete(path)
        return len(words)

    async def _remove(self, old: Sequence[Found]) -> int:
        paths = {one.path: original(one.path) for one in old if not one.path.endswith(GONE)}
        needed = await self._store.needed(set(paths.values())) if paths else set()
        orphans = [path for path, owner in paths.items() if owner not in needed]
        for path in orphans:
            log.info("nothing needs this object", path=path)
            await (self._objects.remove(path) if path == paths[path] else self._objects.delete(path))
        return len(orphans)
