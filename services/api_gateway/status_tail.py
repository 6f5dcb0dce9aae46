"""Reads `documents.status` from some minutes ago to its end and on, so that a status is known the moment after it was
acknowledged, on every replica of the gateway."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from services.api_gateway.status_view import StatusView
from services.api_gateway.tail import Tail, TailSource
from shared.contracts.documents import DocumentStatus
from shared.kafka.records import Record
from shared.topics import DOCUMENTS_STATUS

log = structlog.get_logger()


class StatusTail(Tail):
    """Feeds a view."""

    def __init__(self, source: TailSource, view: StatusView, minutes: float) -> None:
        super().__init__(source, DOCUMENTS_STATUS.name, minutes)
        self._view = view

    def take(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                self._view.add(DocumentStatus.model_validate_json(record.value or b""))
            except ValidationError as error:
                log.warning("status skipped: not readable", position=record.position, errors=error.error_count())
