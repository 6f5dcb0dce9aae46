"""The rule of late and future for what is put back: when it would only fail again, and what waiving it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.dead_letters.letters import Letter
from shared.dead_letters.mending import Unmendable
from shared.errors import Code
from shared.kafka.records import Outgoing
from shared.streams.declaration import Stream
from shared.streams.units import format_duration
from shared.streams.verdict import Accepted, read

GROUP = "streaming."
"""What the names of Spark's groups begin with; the stream's name follows."""
OF_TIME = frozenset({Code.FUTURE.value, Code.LATE.value})


def check(letter: Letter, *, changed: bool, waived: bool) -> None:
    """Raises Unmendable for a letter that would come back as it went, or that has nothing to be waived.

    Its first timestamp decides, so that only another event, or a waiver, is judged otherwise.
    """
    if waived and letter.code not in OF_TIME:
        raise Unmendable(f"its code is `{letter.code}`: a time can be accepted of what is `late` or `future`")
    if letter.code in OF_TIME and letter.identity.group.startswith(GROUP) and not (changed or waived):
        stream = letter.identity.group.removeprefix(GROUP)
        raise Unmendable(
            f"it was `{letter.code}` when it first came in, and would be again: put it back with --accept-time --why … "
            f"(over HTTP `accept_time` and `reason`), or, where the declaration has changed since, let "
            f"`cauce streams reset {stream}` judge it anew"
        )


def behind_windows(waived: Iterable[Outgoing], streams: Sequence[Stream], now: datetime) -> list[str]:
    """A sentence for each stream that may have forgotten the windows of some of these: Spark keeps a window for as long
    as an event may be late and partitions may be read apart, and drops what comes after that."""
    by_topic = {stream.topic_name: stream for stream in streams if stream.windows}
    kept = {topic: span for topic, stream in by_topic.items() if (span := _kept(stream)) is not None}
    counted = Counter(
        record.topic
        for record in waived
        if record.topic in kept and _is_older(record, by_topic, now - kept[record.topic])
    )
    return [
        f"{number} of `{by_topic[topic].name}` are of windows that Spark keeps for {format_duration(kept[topic])} only "
        f"and may have dropped: `cauce streams reset {by_topic[topic].name}` counts them"
        for topic, number in sorted(counted.items())
    ]


def _kept(stream: Stream) -> timedelta | None:
    """At least; None for ever."""
    time = stream.event_time
    return None if time.lateness is None else time.lateness + time.skew


def _is_older(record: Outgoing, streams: Mapping[str, Stream], since: datetime) -> bool:
    event = read(streams[record.topic], record.value)
    return isinstance(event, Accepted) and event.time < since.timestamp() * 1000
