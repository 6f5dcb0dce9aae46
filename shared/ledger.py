"""The whole fleet's account, from what its processes report: one line per consumer group and topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from shared.contracts.fleet import LedgerLine, ProcessReport
from shared.kafka.client import Connection, offset_ranges, offsets_at, read_from
from shared.kafka.records import Record
from shared.topics import FLEET_REPORTS

GONE_AFTER = timedelta(seconds=20)
"""Several reports are missing then: a process that ends says nothing more."""
_SUMMED = ("read", "done", "folded", "superseded", "skipped", "dead_lettered", "returned", "held")


async def newest_reports(connection: Connection) -> list[ProcessReport]:
    """The newest of each process that has reported lately, by service. Raises Transient."""
    topic = FLEET_REPORTS.name
    earliest = int((datetime.now(UTC) - GONE_AFTER).timestamp() * 1000)
    (starts,) = await offsets_at(connection, topic, [earliest])
    ends = {partition: held.stop for partition, held in (await offset_ranges(connection, [topic])).items()}
    newest: dict[str, ProcessReport] = {}
    async for records in read_from(connection, starts, ends):
        newest |= {report.instance: report for report in map(_report, records) if report}
    return sorted(newest.values(), key=lambda report: (report.service, report.started_at))


def _report(record: Record) -> ProcessReport | None:
    """None for one of another release that can't be read: it is told of elsewhere."""
    try:
        return ProcessReport.model_validate_json(record.value or b"")
    except ValidationError:
        return None


def together(reports: Iterable[ProcessReport]) -> list[LedgerLine]:
    """The lines of all processes, summed by group and topic."""
    found: defaultdict[tuple[str, str], list[LedgerLine]] = defaultdict(list)
    for report in reports:
        for line in report.ledger:
            found[line.group, line.topic].append(line)
    return [_sum(group, topic, lines) for (group, topic), lines in sorted(found.items())]


def _sum(group: str, topic: str, lines: Sequence[LedgerLine]) -> LedgerLine:
    sums = {name: sum(getattr(line, name) for line in lines) for name in _SUMMED}
    return LedgerLine(group=group, topic=topic, **sums)
