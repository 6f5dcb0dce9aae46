"""Records in, rows in the stores; and the word that a version is complete, which only db_writer can say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from services.db_writer import parts, readings
from services.db_writer.epochs import Cut
from services.db_writer.logs import ends_of
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.parts import Version
from services.db_writer.readings import ReadingStore
from services.db_writer.rows import Shape, checked, naive, newest, shape_of
from services.db_writer.statuses import changed, completed, counted, deleted, to_be_deleted
from services.db_writer.stored_logs import StoredLogs
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady, Part
from shared.contracts.documents import DocumentStatus, Reason
from shared.contracts.metrics import MetricRow
from shared.contracts.readings import Reading
from shared.errors import Code, Permanent, Transient
from shared.kafka.deadletters import Failure
from shared.kafka.pipeline import Handled
from shared.kafka.records import Emit, Message
from shared.tables import WindowTable
from shared.topics import DOCUMENTS_STATUS

log = structlog.get_logger()

LOST_RACES = 20

Told = ChunkProcessed | EmbeddingReady | DocumentStatus


class Documents:
    """Chunks, vectors and statuses into MongoDB.

    Two writers meet on one document when a part of an older version, or of the same version as cut by another chunker,
    is written late while a version becomes complete. No row of the former stays behind, whatever the order:

        the late writer       W1 writes its rows, is acknowledged    W2 reads the document's current version
        the completing one    C1 writes the current version          C2 deletes the rows of the others

    If W2 comes before C1, then W1 came before C2, which deletes what W1 wrote. If W2 comes after C1, it sees what is
    current, and the late writer deletes its rows itself. A crash in between repeats the record, hence all its steps.

    A deletion is a completing one that has no rows: its version is the tombstone, of which everything older is late.

    No row that readers need is deleted, however old the current version that a writer read: the current version only
    goes on to a greater number, and never from one chunker of that number to another.
    """

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._logs = StoredLogs(store.database)

    async def handle(self, batch: Sequence[Message[Told]]) -> Handled:
        handled = await self._write_parts([Message(m.record, m.event) for m in batch if isinstance(m.event, Part)])
        told = await self._write_statuses(
            [Message(m.record, m.event) for m in batch if isinstance(m.event, DocumentStatus)]
        )
        return replace(handled, emits=(*handled.emits, *told))

    async def _write_parts(self, messages: Sequence[Message[Part]]) -> Handled:
        if not messages:
            return Handled()
        events = [message.event for message in messages]
        chunks = parts.newest(event for event in events if isinstance(event, ChunkProcessed))
        vectors = parts.newest(event for event in events if isinstance(event, EmbeddingReady))
        superseded = await self._store.write(chunks, vectors)
        if superseded:
            log.info("newer rows were kept", superseded=superseded)
        last = parts.last_of_each(messages)
        unsettled = await self._without_settled(last)
        emits = parts.completions(unsettled, await self._store.tally(unsettled)) if unsettled else ()
        told = (*parts.redriven(messages), *emits)
        return Handled(told, folded=len(events) - len(chunks) - len(vectors), superseded=superseded)

    async def _without_settled(self, last: Mapping[Version, Message[Part]]) -> dict[Version, Message[Part]]:
        """The versions that may become complete. Rows of late ones go; the current one has been announced."""
        standings = await self._store.standings({version.document_id for version in last})
        standing = {version: standings[version.document_id] for version in last if version.document_id in standings}
        late = {version for version in standing if standing[version].is_late(version)}
        await self._store.delete_late({standing[version] for version in late})
        settled = late | {one.current for one in standings.values()}
        return {version: message for version, message in last.items() if version not in settled}

    async def _write_statuses(self, messages: Sequence[Message[DocumentStatus]]) -> Sequence[Emit]:
        if not messages:
            return ()
        statuses = [message.event for message in messages]
        await self._logs.raise_ends(ends_of(statuses))
        await self._fold(statuses)
        standings = await self._store.standings(completed(statuses))
        await self._store.delete_late(standings.values())
        return await self._delete([message for message in messages if to_be_deleted(message.event)])

    async def _delete(self, messages: Sequence[Message[DocumentStatus]]) -> Sequence[Emit]:
        """What a deletion removes is counted, and the count kept, before: one that a crash repeats finds nothing."""
        if not messages:
            return ()
        found = [await self._counted(message.event) for message in messages]
        await self._fold(found)
        ids = {status.document_id for status in found}
        await self._store.delete_late((await self._store.standings(ids)).values())
        known = await self._store.documents(ids)
        return [
            Emit(
                DOCUMENTS_STATUS,
                deleted(status, known[status.document_id].document, message.record.time),
                message.record,
            )
            for status, message in zip(found, messages, strict=True)
        ]

    async def _counted(self, status: DocumentStatus) -> DocumentStatus:
        return counted(status, await self._store.count_older(status.document_id, status.version))

    async def _fold(self, statuses: Sequence[DocumentStatus]) -> None:
        """Reads, folds and writes until no other writer came in between; what was written before folds to no change."""
        ids = {status.document_id for status in statuses}
        for _ in range(LOST_RACES):
            after = changed(await self._store.documents(ids), statuses)
            if await self._store.replace_documents(after) == len(after):
                return
        raise Transient(f"mongodb: {LOST_RACES} races for the same documents lost to other writers")


def document_failed(message: Message[Told], failure: Failure) -> Sequence[Emit]:
    """A part that can't be written fails its version; a status that can't has nobody to tell."""
    if isinstance(message.event, DocumentStatus):
        return ()
    part = Message(message.record, message.event)
    return (parts.failed(part, Reason(code=failure.code.value, message=failure.told)),)


class Metrics:
    """Window rows into MySQL, and the end of their older epochs.

    A table's `truncate` is one record, in one partition: it comes before, between or after the rows that it is about in
    the others. The order doesn't matter: an older epoch's row that is written before is deleted, one that comes later
    is left out, and a row of the new epoch is touched by neither.
    """

    def __init__(self, store: MySqlStore, tables: Mapping[str, WindowTable]) -> None:
        """`tables` is the allow-list: no other name reaches SQL."""
        self._store = store
        self._shapes = {name: Shape(table) for name, table in tables.items()}

    async def handle(self, batch: Sequence[Message[MetricRow]]) -> Handled:
        events = [message.event for message in batch]
        rows = [checked(event, self._shapes) for event in events if event.control is None]
        await self._truncate(event for event in events if event.control is not None)
        kept = newest(rows)
        superseded = await self._store.write(kept)
        return Handled(folded=len(rows) - len(kept), superseded=superseded)

    async def _truncate(self, controls: Iterable[MetricRow]) -> None:
        for cut in {self._cut(event) for event in controls}:
            deleted = await self._store.truncate(self._shapes[cut.table].table, cut)
            log.info("an epoch began", table=cut.table, epoch=cut.epoch, deleted=deleted)

    def _cut(self, event: MetricRow) -> Cut:
        table = shape_of(event, self._shapes).table
        return Cut(table.name, event.epoch, event.since and naive(event.since))


class Readings:
    """Clean events into MongoDB."""

    def __init__(self, store: ReadingStore, collections: Collection[str]) -> None:
        """`collections` is the allow-list."""
        self._store = store
        self._collections = collections

    async def handle(self, batch: Sequence[Message[Reading]]) -> Handled:
        folded, superseded = 0, 0
        by_collection: defaultdict[str, list[Reading]] = defaultdict(list)
        for message in batch:
            by_collection[self._allowed(message.event.collection)].append(message.event)
        for collection, told in by_collection.items():
            kept = readings.newest(told)
            folded += len(told) - len(kept)
            superseded += await self._store.write(collection, kept)
        return Handled(folded=folded, superseded=superseded)

    def _allowed(self, name: str) -> str:
        if name not in self._collections:
            raise Permanent(Code.UNKNOWN_COLLECTION, f"`_collection_name` is not a declared collection: `{name[:100]}`")
        return name
