"""`cauce tail`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import typer

from cauce.cluster import cluster, declared_streams
from cauce.console import say
from compose.local.errors import LocalStackError
from shared.contracts.base import format_instant
from shared.kafka.client import Connection, offset_ranges, read_from
from shared.kafka.decoding import Undecodable, decode
from shared.kafka.records import Partition, Record
from shared.streams.declaration import Stream
from shared.streams.distribution import Distribution
from shared.streams.verdict import Refused, judge_record
from shared.topics import PIPELINE

Judge = Callable[[Record], str | None]
"""Why a record is not valid; None where it is."""


def tail(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Of a stream, of the pipeline, or any other.")],
    *,
    from_start: Annotated[bool, typer.Option("--from-start", help="From the first record that is kept.")] = False,
    last: Annotated[int | None, typer.Option(min=1, help="The last N of each partition first.", metavar="N")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many.", metavar="N")] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="Stop at what is the end now.")] = False,
    field: Annotated[
        str | None, typer.Option(help="Show how the valid records' values of this field are distributed.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only what is said at the end.")] = False,
) -> None:
    """Print a topic's records: position, time, key, headers, value. At the end: counts, and a field's distribution.

    Records count as valid by their stream's declaration, or by the contract of their topic. Without an option, it
    waits for new records until Ctrl-C.

    \b
    cauce tail ratings
    cauce tail ratings --from-start --until-end --quiet --field rating
    cauce tail ratings.dlq --last 10 --until-end
    """
    connection, _ = cluster()
    seen = Seen(judge_for(topic, declared_streams()), field, quiet)
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(connection, topic, Wanted(from_start, last, count, until_end), seen))
    for line in seen.summary():
        say(line)


@dataclass(frozen=True)
class Wanted:
    """Where to begin and where to stop."""

    from_start: bool = False
    last: int | None = None
    count: int | None = None
    until_end: bool = False


async def _tail(connection: Connection, topic: str, wanted: Wanted, seen: Seen) -> None:
    held = await offset_ranges(connection, [topic])
    if not held:
        raise LocalStackError(f"no topic is called `{topic}`", advice="see what there is: cauce topics list")
    ends = {partition: offsets.stop for partition, offsets in held.items()} if wanted.until_end else None
    batches = read_from(connection, starts(held, wanted), ends)
    try:
        async for batch in batches:
            for record in batch:
                seen.add(record)
                if seen.records == wanted.count:
                    return
    finally:
        await batches.aclose()


def starts(held: Mapping[Partition, range], wanted: Wanted) -> dict[Partition, int]:
    """The first offset to read of each partition."""
    if wanted.from_start:
        return {partition: offsets.start for partition, offsets in held.items()}
    return {partition: max(offsets.start, offsets.stop - (wanted.last or 0)) for partition, offsets in held.items()}


class Seen:
    """Prints records and counts them."""

    def __init__(self, judge_record: Judge | None, field: str | None, quiet: bool = False) -> None:
        self.records = 0
        self._judge = judge_record
        self._field = field
        self._quiet = quiet
        self._reasons: Counter[str] = Counter()
        self._distribution = Distribution()

    def add(self, record: Record) -> None:
        self.records += 1
        reason = self._judge(record) if self._judge else None
        if reason is not None:
            self._reasons[reason] += 1
        elif self._field is not None:
            value = _parsed(record.value)
            if isinstance(value, dict) and self._field in value:
                self._distribution.add(value[self._field])
        if not self._quiet:
            for line in told(record, reason):
                say(line)

    def summary(self) -> list[str]:
        invalid = self._reasons.total()
        judged = f": {self.records - invalid} valid, {invalid} invalid" if self._judge else ""
        reasons = [f"  {count} {reason}" for reason, count in self._reasons.most_common(10)]
        if self._field is None:
            return [f"{self.records} records{judged}", *reasons]
        head = f"{self._field}: {self._distribution.values} values"
        return [f"{self.records} records{judged}", *reasons, head, *self._distribution.lines()]


def told(record: Record, reason: str | None) -> list[str]:
    """A record as lines to read."""
    headers = [f"  {name}: {value.decode(errors='replace')}" for name, value in record.headers]
    key = "none" if record.key is None else record.key.decode(errors="replace")
    mark = f"  INVALID: {reason}" if reason else ""
    return [f"{record.position}  {format_instant(record.time)}  key {key}{mark}", *headers, *_value_lines(record.value)]


def _value_lines(value: bytes | None) -> list[str]:
    if value is None:
        return ["  no value"]
    parsed = _parsed(value)
    if parsed is None:
        return [f"  {value.decode(errors='replace')}"]
    return [f"  {line}" for line in json.dumps(parsed, indent=2, ensure_ascii=False).splitlines()]


def _parsed(value: bytes | None) -> object:
    """None where it is no JSON."""
    try:
        return json.loads(value or b"")
    except (ValueError, RecursionError):
        return None


def judge_for(topic: str, streams: Sequence[Stream]) -> Judge | None:
    """By the declaration of the stream that reads it, else by its contract; None where nobody says what is valid."""
    stream = next((stream for stream in streams if stream.topic_name == topic), None)
    contract = next((known for known in PIPELINE if known.name == topic and known.contract), None)

    def by_declaration(record: Record) -> str | None:
        verdict = judge_record(stream, record) if stream else None
        return verdict.code if isinstance(verdict, Refused) else None

    def by_contract(record: Record) -> str | None:
        event = decode(record, contract) if contract else None
        return event.reason if isinstance(event, Undecodable) else None

    if contract:
        return by_contract
    return by_declaration if stream else None
