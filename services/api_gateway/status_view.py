"""The documents that statuses of the last minutes speak of, kept in memory, and those who wait for the next one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import AsyncIterator, Iterator

from shared.contracts.documents import DocumentStatus
from shared.documents import Document, fold

WAITING_CHANGES = 64


class Watch:
    """One reader's queue of what happens to a document. A reader who is too slow misses the oldest changes."""

    def __init__(self) -> None:
        self._changes: deque[Document] = deque(maxlen=WAITING_CHANGES)
        self._stirred = asyncio.Event()
        self._closed = False

    def add(self, document: Document) -> None:
        self._changes.append(document)
        self._stirred.set()

    def close(self) -> None:
        self._closed = True
        self._stirred.set()

    async def changes(self) -> AsyncIterator[Document]:
        """As they come, until the watch is closed."""
        while not self._closed:
            while self._changes:
                yield self._changes.popleft()
            self._stirred.clear()
            if not self._changes and not self._closed:
                await self._stirred.wait()


class StatusView:
    """Bounded: of more than `capacity` documents, those that were quiet for longest are forgotten."""

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._closed = False

    def add(self, status: DocumentStatus) -> None:
        document = fold(self._documents.get(status.document_id), status)
        self._documents[status.document_id] = document
        self._documents.move_to_end(status.document_id)
        if len(self._documents) > self._capacity:
            self._documents.popitem(last=False)
        for watch in self._watches.get(status.document_id, ()):
            watch.add(document)

    def get(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)

    @contextlib.contextmanager
    def watch(self, document_id: str) -> Iterator[Watch]:
        watch = Watch()
        if self._closed:
            watch.close()
        self._watches[document_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[document_id].discard(watch)
            if not self._watches[document_id]:
                del self._watches[document_id]

    def close(self) -> None:
        """Ends every watch, so that streams don't hold up the end of the process."""
        self._closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.close()
