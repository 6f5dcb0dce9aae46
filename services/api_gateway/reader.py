"""A document as of this moment, from the status tail and the store together."""

from __future__ import annotations

from services.api_gateway.joining import joined
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from services.api_gateway.store import DocumentStore
from shared.documents import Document
from shared.errors import Transient

CATCH_UP_SECONDS = 2.0


class DocumentReader:
    """Knows a document from the moment its upload was answered, whichever replica of the gateway answered."""

    def __init__(self, view: StatusView, tail: StatusTail, store: DocumentStore) -> None:
        self.view = view
        self._tail = tail
        self._store = store

    async def find(self, company_id: str, document_id: str) -> Document | None:
        """None for what isn't there or is another company's.

        Raises Transient where that can't be told: the store is away, or the tail is behind and the store has nothing.
        """
        document = await self._known(document_id)
        return document if document and document.company_id == company_id else None

    async def catch_up(self) -> None:
        """Waits, for a while, until every status that is acknowledged by now is known here."""
        await self._tail.caught_up(CATCH_UP_SECONDS)

    async def _known(self, document_id: str) -> Document | None:
        seen = self.view.get(document_id)
        certain = seen is not None or await self._tail.caught_up(CATCH_UP_SECONDS)
        try:
            stored = await self._store.document(document_id)
        except Transient:
            if seen := self.view.get(document_id):
                return seen
            raise
        document = joined(stored, self.view.get(document_id) or seen)
        if document is None and not certain:
            raise Transient("neither the status tail nor the store can tell whether the document is there")
        return document
