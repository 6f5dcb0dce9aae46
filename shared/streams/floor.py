"""From when on the raw topic holds everything that a window needs."""

from __future__ import annotations

import asyncio
import time

from shared.errors import Transient
from shared.kafka.client import Connection, first_timestamps
from shared.kafka.client.adoption import adopted_topics
from shared.streams.declaration import Stream
from shared.streams.topics import input_topic
from shared.streams.units import milliseconds

DEADLINE_SECONDS = 30.0


async def floor(connection: Connection, stream: Stream) -> int | None:
    """In ms since 1970: windows that begin there or later can be computed whole. None where nothing was lost yet.

    A lost record was written before the first that is still there (where none is, before the retention began), and its
    event lies at most `max_ahead` after that. What an adopted log doesn't have was written before it was adopted.
    Raises Transient.
    """
    found = [await _kept_since(connection, stream), await _adopted_at(connection, stream)]
    return max((bound for bound in found if bound is not None), default=None)


async def _adopted_at(connection: Connection, stream: Stream) -> int | None:
    adopted = (await adopted_topics(connection)).get(stream.topic_name)
    if adopted is None or adopted.incarnation == 0 or adopted.since is None:
        return None
    return int(adopted.since.timestamp() * 1000) + milliseconds(stream.event_time.max_ahead)


async def _kept_since(connection: Connection, stream: Stream) -> int | None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            firsts = await first_timestamps(connection, stream.topic_name)
    except TimeoutError:
        raise Transient(f"kafka: no first record of `{stream.topic_name}` within {DEADLINE_SECONDS:g} s") from None
    if not firsts:
        return None
    kept_since = int(time.time() * 1000) - milliseconds(input_topic(stream).retention)
    newest_lost = max(kept_since if first is None else first for first in firsts.values())
    return newest_lost + milliseconds(stream.event_time.max_ahead)
