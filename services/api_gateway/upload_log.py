"""Whether `uploads.received` is the log that the versions in the stores came from: only then is an upload accepted.

A version is an offset of the log above the base of its incarnation. Where the log was lost, cut or made anew, offsets
begin again, and a new edition would disappear behind an older one: nothing is accepted until a person has adopted what
is there. Each upload is answered only when the topic's id was asked for once more after its acknowledgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from services.api_gateway.fresh import Fresh
from shared.contracts.topics import StoredLog, TopicAdopted, incarnation_of
from shared.documents import FINAL, Document
from shared.errors import Lasting, LogBroken, Transient
from shared.kafka.client.identity import TopicIdentity
from shared.kafka.client.topic_watch import Look
from shared.kafka.continuity import ADVICE
from shared.kafka.incarnation import mismatch
from shared.kafka.records import Record
from shared.runtime import metrics
from shared.topics import UPLOADS_RECEIVED

log = structlog.get_logger()

TOPIC = UPLOADS_RECEIVED.name
LOOK_SECONDS = 5.0
SOON_SECONDS = 1.0
"""Between two looks while nothing is accepted, since people wait for the end of it."""
AGAIN_SECONDS = 0.2
"""Between two tries to look, while an acknowledged upload waits for it."""
CONFIRM_SECONDS = 2.0
"""A new leader may not know for a moment how far its followers have come: what looks lost is looked at twice."""
ORPHANS_KEPT = timedelta(days=7)
"""After an adoption: an object whose records were lost is named by nothing, and a person may want it."""
MAY_BE_LOST = "records of `uploads.received` were lost after this came in: if nothing becomes of it, upload it again"


class UploadsPaused(Transient):
    """Neither uploads nor deletions are accepted now; nothing of this one was published."""


class Topics(Protocol):
    """As `shared.kafka.client.topic_watch.TopicWatch` does it."""

    async def look(self) -> Look: ...

    async def stop(self) -> None: ...


class TopicIds(Protocol):
    """As `shared.kafka.client.identity.Identities` does it."""

    async def now(self) -> Mapping[str, TopicIdentity]: ...

    async def stop(self) -> None: ...


class LogStore(Protocol):
    async def stored_log(self, topic: str) -> StoredLog | None:
        """What the store says of the topic that its contents came from. Raises Transient."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What was known when an upload was sent. `ends` are those of the log's partitions: no record that is sent from
    then on can get an offset below."""

    adopted: TopicAdopted
    ends: Mapping[int, int]


class UploadLog:
    """`run` is a job; everything else may be asked at any time. Safe for concurrent use."""

    def __init__(
        self,
        topics: Topics,
        ids: TopicIds,
        store: LogStore,
        service: str,
        *,
        every: float = LOOK_SECONDS,
        confirm: float = CONFIRM_SECONDS,
    ) -> None:
        """In seconds: how often the job looks, and after which time it looks again at what seems to be lost."""
        self._topics = topics
        self._ids = ids
        self._store = store
        self._every = every
        self._confirm = confirm
        self._looks, self._questions = Fresh(self._look), Fresh(self._identify)
        self._gauge = metrics.LOG_BROKEN.labels(service, TOPIC)
        self._stored: StoredLog | None = None
        self._adopted: TopicAdopted | None = None
        self._looked_at: TopicIdentity | None = None
        self._identity: TopicIdentity | None = None
        self._ends: Mapping[int, int] = {}
        self._shorter: str | None = None
        self._cut: str | None = None
        self._pause: str | None = f"`{TOPIC}` was not looked at yet"
        self._broken = False

    async def run(self) -> None:
        """Without end. While no look can be taken, the last word stays: that a broker is away is for the producer to
        say."""
        try:
            while True:
                try:
                    await self.look()
                except Transient as error:
                    log.warning("the log of uploads can't be looked at", error=str(error))
                await asyncio.sleep(self._every if self._pause is None else min(self._every, SOON_SECONDS))
        finally:
            await asyncio.gather(self._looks.close(), self._questions.close())
            await asyncio.gather(self._topics.stop(), self._ids.stop())

    async def look(self) -> None:
        """At the store and at Kafka. Raises Transient where Kafka doesn't answer."""
        await self._ask_the_store()
        await self._looks.look()
        if self._shorter is not None:
            await asyncio.sleep(self._confirm)
            await self._looks.look()
            self._cut = self._cut or self._shorter

    async def _ask_the_store(self) -> None:
        """Before Kafka is asked: what the store has seen of a log is never ahead of it then. While the store is away
        its last word stays."""
        try:
            self._stored = await self._store.stored_log(TOPIC)
        except Transient as error:
            log.info("what the store says of the log of uploads is not known", error=str(error))

    async def _look(self) -> None:
        known = self._ends  # by then: what is acknowledged while somebody looks may lie above what he sees
        look = await self._topics.look()
        self._looked_at = look.identities.get(TOPIC)
        topic_id, adopted, ends = look.topic_id(TOPIC), look.adopted.get(TOPIC), look.ends_of(TOPIC)
        if adopted is not None and _identity(adopted) != _identity(self._adopted):
            known, self._ends, self._shorter, self._cut = {}, {}, None, None  # they are another log's
        if adopted is not None and topic_id == adopted.topic_id:
            self._note_ends(known, ends)
        self._adopted = adopted or self._adopted
        told = mismatch(TOPIC, topic_id, adopted, self._stored, ends) or self._cut or self._shorter
        if adopted is None or topic_id is None:
            self._decide(told, broken=adopted is not None)
        elif told is not None:
            self._decide(f"{told}: {ADVICE}", broken=True)
        elif not adopted.stored:
            self._decide(f"db_writer has not yet put incarnation {adopted.incarnation} of `{TOPIC}` into the store")
        else:
            self._decide(None)

    def _note_ends(self, known: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """An end never goes back in the same log."""
        lost = sorted(number for number, end in known.items() if ends.get(number, 0) < end)
        self._shorter = _shorter(lost[0], ends.get(lost[0], 0), known[lost[0]]) if lost else None
        self._ends = {number: max(end, self._ends.get(number, 0)) for number, end in {**self._ends, **ends}.items()}

    def _decide(self, pause: str | None, *, broken: bool = False) -> None:
        if pause != self._pause:
            (log.critical if broken else log.info)("uploads wait" if pause else "uploads are accepted", reason=pause)
        self._pause, self._broken = pause, broken
        self._gauge.set(broken)

    def admit(self) -> Admission:
        """To be asked for right before an upload is sent. Raises UploadsPaused."""
        if self._pause is not None or self._adopted is None:
            raise UploadsPaused(str(self._pause), retry_after=SOON_SECONDS if self._adopted is None else None)
        return Admission(self._adopted, self._ends)

    async def probe(self) -> None:
        """While no upload is accepted: raises Lasting where a person has to go on, else Transient."""
        if self._pause is not None:
            raise (Lasting if self._broken else Transient)(self._pause)

    async def confirm(self, admission: Admission, written: Record) -> None:
        """Returns once a question that was asked after the acknowledgement has found the topic that the upload was sent
        to. While nobody answers it waits: the caller sets the deadline.

        Raises LogBroken where the log is another, or was cut: the upload's version may lie below older ones.
        """
        self._note_acknowledged(admission, written)
        if self._pause is None:
            await _patiently(self._questions)
            if self._may_have_changed(written.partition.number):
                await _patiently(self._looks)
        if self._pause is not None or _identity(self._adopted) != _identity(admission.adopted):
            log.critical("an upload went into a log that is not in force", key=written.key, position=written.position)
            raise LogBroken(f"kafka: `{TOPIC}` is not the log any more that the upload was sent to")

    def _note_acknowledged(self, admission: Admission, written: Record) -> None:
        """Compares with what was known when the upload was sent, since acknowledgements overtake each other."""
        if _identity(self._adopted) != _identity(admission.adopted):
            return
        number, end = written.partition.number, written.offset + 1
        if written.offset < admission.ends.get(number, 0):
            self._cut = _shorter(number, end, admission.ends[number])
            self._decide(f"{self._cut}: {ADVICE}", broken=True)
        elif end > self._ends.get(number, 0):
            self._ends = {**self._ends, number: end}

    async def _identify(self) -> None:
        self._identity = (await self._ids.now()).get(TOPIC)

    def _may_have_changed(self, number: int) -> bool:
        """Since the last look: a partition loses its end only when another broker takes it over, or its own comes back,
        which its leader epoch tells."""
        was, now = self._looked_at, self._identity
        return not was or not now or (was.topic_id, was.epochs.get(number)) != (now.topic_id, now.epochs.get(number))

    def may_have_lost(self, document: Document) -> bool:
        """Whether the document is still under way from an incarnation that is over."""
        incarnation = self._adopted.incarnation if self._adopted else 0
        return document.state not in FINAL and incarnation_of(document.version) < incarnation

    def orphans_kept_before(self, now: datetime) -> datetime | None:
        """Objects that were written before this time may belong to an upload that was lost after its 202. Raises
        UploadsPaused: then nothing is known of any object."""
        adopted = self.admit().adopted
        return adopted.adopted_at if adopted.incarnation and now < adopted.adopted_at + ORPHANS_KEPT else None


async def _patiently(looks: Fresh) -> None:
    while True:
        try:
            return await looks.look()
        except Transient as error:
            log.warning("an acknowledged upload waits: its topic can't be looked at", error=str(error))
            await asyncio.sleep(AGAIN_SECONDS)


def _identity(adopted: TopicAdopted | None) -> tuple[str, int] | None:
    """What tells a log from another: a cut one is another incarnation of the same topic."""
    return None if adopted is None else (adopted.topic_id, adopted.incarnation)


def _shorter(number: int, now: int, known: int) -> str:
    return f"{TOPIC}-{number} ends at {now}, but had ended at {known} before: its end is lost, or it was made anew"
