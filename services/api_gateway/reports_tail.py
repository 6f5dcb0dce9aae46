"""Reads `fleet.reports` on from its end: how each process of the fleet is, by its own word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from pydantic import ValidationError

from services.api_gateway.tail import Tail, TailSource
from shared.contracts.fleet import ProcessReport
from shared.kafka.records import Record
from shared.ledger import GONE_AFTER
from shared.topics import FLEET_REPORTS

log = structlog.get_logger()

MINUTES = 1.0


class ReportsTail(Tail):
    """Keeps the newest report of each instance that is there."""

    def __init__(self, source: TailSource) -> None:
        super().__init__(source, FLEET_REPORTS.name, MINUTES)
        self._reports: dict[str, tuple[datetime, ProcessReport]] = {}

    def take(self, records: Sequence[Record]) -> None:
        for record in records:
            try:
                report = ProcessReport.model_validate_json(record.value or b"")
            except ValidationError as error:
                log.warning("report skipped: not readable", position=record.position, errors=error.error_count())
                continue
            self._reports[report.instance] = (datetime.fromtimestamp(record.timestamp / 1000, UTC), report)

    def now(self) -> list[ProcessReport]:
        """By service, then by start."""
        earliest = datetime.now(UTC) - GONE_AFTER
        self._reports = {name: told for name, told in self._reports.items() if told[0] >= earliest}
        reports = (report for _, report in self._reports.values())
        return sorted(reports, key=lambda report: (report.service, report.started_at))
