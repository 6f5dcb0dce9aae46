"""Reads `processed.metrics.v1` on from its end. Rows are looked into only where somebody watches, a few for the
latency aside, so that a flood of them costs little."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence

import structlog
from pydantic import ValidationError

from services.api_gateway.live_view import LiveView, RowUpdate
from services.api_gateway.tail import Tail, TailSource
from shared.contracts.metrics import MetricRow
from shared.kafka.records import Record
from shared.topics import PROCESSED_METRICS

log = structlog.get_logger()

MINUTES = 1.0
NEWEST = "_newest"
"""The column with the greatest timestamp of a row's events, in milliseconds since 1970."""
SAMPLED = 5
"""Rows of a table whose latency is noted, of each batch."""


class MetricsTail(Tail):
    """Feeds a view with the rows of `tables`; other people's are passed over."""

    def __init__(self, source: TailSource, view: LiveView, tables: Collection[str]) -> None:
        super().__init__(source, PROCESSED_METRICS.name, MINUTES)
        self._view = view
        self._tables = {name.encode(): name for name in tables}
        self._began = time.time() * 1000

    def take(self, records: Sequence[Record]) -> None:
        """Of the updates of one row only the last counts."""
        sampled: Counter[str] = Counter()
        for key, record in {record.key: record for record in records}.items():
            table = self._tables.get((key or b"").partition(b"|")[0])
            if table is None:
                continue
            self._view.note_time(record.timestamp)
            sampled[table] += 1
            if self._view.watched(table) or sampled[table] <= SAMPLED:
                self._look_into(record)

    def _look_into(self, record: Record) -> None:
        try:
            row = MetricRow.model_validate_json(record.value or b"")
        except ValidationError as error:
            log.warning("row skipped: not readable", position=record.position, errors=error.error_count())
            return
        if row.control is not None or row.table.encode() not in self._tables:
            return
        newest = (row.model_extra or {}).get(NEWEST)
        if isinstance(newest, int) and record.timestamp >= self._began:
            self._view.note_latency(row.table, max(0, record.timestamp - newest))
        columns = {name: value for name, value in row.columns.items() if not name.startswith("_")}
        self._view.add(RowUpdate(row.table, record.key or b"", columns))
