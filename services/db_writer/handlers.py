"""Records in, rows in the stores; and the word that a version is complete, which only db_writer can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from services.db_writer import parts
from services.db_writer.mongo import MongoStore
from services.db_writer.mysql import MySqlStore
from services.db_writer.parts import Version
from services.db_writer.rows import checked, newest
from services.db_writer.statuses import changed, completed
from shared.contracts.chunks import ChunkProcessed, EmbeddingReady, Part
from shared.contracts.documents import DocumentStatus, Reason
from shared.contracts.metrics import MetricRow
from shared.errors import Transient
from shared.kafka.deadletters import Failure
from shared.kafka.records import Emit, Message
from shared.tables import WindowTable

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

    No row that readers need is deleted, however old the current version that a writer read: the current version only
    goes on to a greater number, and never from one chunker of that number to another.
    """

    def __init__(self, store: MongoStore) -> None:
        self._store = store

    async def handle(self, batch: Sequence[Message[Told]]) -> Sequence[Emit]:
        emits = await self._write_parts([Message(m.record, m.event) for m in batch if isinstance(m.event, Part)])
        await self._write_statuses([m.event for m in batch if isinstance(m.event, DocumentStatus)])
        return emits

    async def _write_parts(self, messages: Sequence[Message[Part]]) -> Sequence[Emit]:
        if not messages:
            return ()
        events = [message.event for message in messages]
        superseded = await self._store.write(
            parts.newest(event for event in events if isinstance(event, ChunkProcessed)),
            parts.newest(event for event in events if isinstance(event, EmbeddingReady)),
        )
        if superseded:
            log.info("newer rows were kept", superseded=superseded)
        last = parts.last_of_each(messages)
        unsettled = await self._without_settled(last)
        return parts.completions(unsettled, await self._store.tally(unsettled)) if unsettled else ()

    async def _without_settled(self, last: Mapping[Version, Message[Part]]) -> dict[Version, Message[Part]]:
        """The versions that may become complete. Rows of late ones go; the current one has been announced."""
        current = await self._store.current_versions({version.document_id for version in last})
        late = {version for version in last if version.is_late(current.get(version.document_id))}
        await self._store.delete_older({current[version.document_id] for version in late})
        settled = late | set(current.values())
        return {version: message for version, message in last.items() if version not in settled}

    async def _write_statuses(self, statuses: Sequence[DocumentStatus]) -> None:
        if not statuses:
            return
        await self._fold(statuses)
        current = await self._store.current_versions(completed(statuses))
        await self._store.delete_older(current.values())

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
    """Window rows into MySQL."""

    def __init__(self, store: MySqlStore, tables: Mapping[str, WindowTable]) -> None:
        """`tables` is the allow-list: no other name reaches SQL."""
        self._store = store
        self._tables = tables

    async def handle(self, batch: Sequence[Message[MetricRow]]) -> Sequence[Emit]:
        await self._store.write(newest(checked(message.event, self._tables) for message in batch))
        return ()
