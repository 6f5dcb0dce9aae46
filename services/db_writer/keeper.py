"""Keeps the store and `topics.control` in agreement about which log each topic is, or says why a person has to look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.db_writer.logs import Action, Keep, Mismatch, Missing, Publish, Standing, decide
from services.db_writer.stored_logs import StoredLogs
from shared.contracts.topics import StoredLog
from shared.errors import Lasting, Transient
from shared.kafka.client import Connection
from shared.kafka.client.adoption import put_adopted
from shared.kafka.client.topic_watch import Look, TopicWatch
from shared.topics import TOPICS_CONTROL, UPLOADS_RECEIVED, Topic

log = structlog.get_logger()

LOOK_SECONDS = 5.0
SOURCE = "db_writer"


class TopicsMissing(Transient):
    """`cauce topics apply` hasn't made all that is declared yet."""


class LogKeeper:
    """Of all declared topics. Not safe for concurrent use; two processes may each have one."""

    def __init__(self, connection: Connection, topics: Sequence[Topic], logs: StoredLogs) -> None:
        self._connection = connection
        self._topics = [topic.name for topic in topics if topic != TOPICS_CONTROL]  # whose records this restores
        self._watch = TopicWatch(connection, self._topics)
        self._logs = logs
        self._missing: tuple[str, ...] = ()
        self._mismatches: tuple[str, ...] = ()

    async def run(self) -> None:
        """Without end. Raises Transient."""
        try:
            while True:
                await self.keep()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await self._watch.stop()

    async def keep_once(self) -> None:
        """Raises Transient, and TopicsMissing; a mismatch is only said."""
        try:
            await self.keep()
        finally:
            await self._watch.stop()
        if self._missing:
            raise TopicsMissing("; ".join(self._missing))

    async def check(self) -> None:
        """Raises Lasting with what a person has to look at, and TopicsMissing; nothing before the first look."""
        if self._mismatches:
            raise Lasting("; ".join((*self._mismatches, *self._missing)))
        if self._missing:
            raise TopicsMissing("; ".join(self._missing))

    async def keep(self) -> None:
        """Looks once, and does what is to be done. What another process does at the same time is seen the next time.
        Raises Transient."""
        look = await self._watch.look()
        actions = await self._decide(look, await self._logs.all())
        kept = [action for action in actions if isinstance(action, Keep)]
        if kept:
            for action in kept:
                if await self._logs.put(action.log, action.instead_of):
                    log.info("the store knows the topic", topic=action.log.topic, incarnation=action.log.incarnation)
            actions = await self._decide(look, await self._logs.all())
        records = [action.record for action in actions if isinstance(action, Publish)]
        if records:
            await put_adopted(self._connection, records, SOURCE)
        self._tell(actions)

    async def _decide(self, look: Look, stored: dict[str, StoredLog]) -> list[Action]:
        now = datetime.now(UTC)
        actions = [decide(await self._standing(topic, look, stored.get(topic)), now) for topic in self._topics]
        return [action for action in actions if action is not None]

    async def _standing(self, topic: str, look: Look, stored: StoredLog | None) -> Standing:
        of_uploads = topic == UPLOADS_RECEIVED.name
        adopted = look.adopted.get(topic)
        is_first = of_uploads and stored is None and adopted is not None
        greatest = await self._logs.greatest_version() if is_first else None
        return Standing(topic, look.topic_id(topic), look.ends_of(topic), adopted, stored, greatest)

    def _tell(self, actions: Sequence[Action]) -> None:
        """Each time that it changes."""
        missing = tuple(action.why for action in actions if isinstance(action, Missing))
        mismatches = tuple(action.why for action in actions if isinstance(action, Mismatch))
        if mismatches != self._mismatches:
            for why in mismatches:
                log.error("the stores and Kafka don't belong together", reason=why)
            if not mismatches:
                log.info("the stores and Kafka belong together again")
        self._missing, self._mismatches = missing, mismatches
