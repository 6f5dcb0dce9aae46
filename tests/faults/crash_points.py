"""Every hop, each effect that it has, before and after the acknowledgement that it waits for: a case each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shared.topics import (
    CHUNKS_PROCESSED,
    DOCUMENTS_RAW,
    DOCUMENTS_STATUS,
    EMBEDDINGS_READY,
    PROCESSED_METRICS,
    PROCESSED_READINGS,
    UPLOADS_RECEIVED,
)
from tests.faults.cases import Act, Case
from tests.faults.effects import offsets_not_ahead
from tests.faults.links import Side, Trap
from tests.faults.truth import COLLECTION
from tests.faults.wires import Request

FIRES_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Effect:
    """What a hop waits for, and how it looks on the way to `server`."""

    hop: str
    name: str
    server: str
    verbs: frozenset[str]
    place: str | None = None
    quick: bool = False

    def is_in(self, request: Request) -> bool:
        return request.verb in self.verbs and (self.place is None or self.place in request.names)


def _produce(hop: str, name: str, topic: str, *, quick: bool = False) -> Effect:
    return Effect(hop, name, "kafka", frozenset({"Produce"}), topic, quick)


def _commit(hop: str, group: str, *, quick: bool = False) -> Effect:
    return Effect(hop, "commit", "kafka", frozenset({"OffsetCommit"}), group, quick)


_WRITES = frozenset({"insert", "update", "bulkWrite", "findAndModify"})

EFFECTS = (
    _produce("ingest", "publish", DOCUMENTS_RAW.name, quick=True),
    _produce("ingest", "dead letter", UPLOADS_RECEIVED.dlq.name),
    _commit("ingest", "ingest"),
    _produce("docproc", "publish", CHUNKS_PROCESSED.name),
    _produce("docproc", "dead letter", DOCUMENTS_RAW.dlq.name),
    _commit("docproc", "docproc"),
    _produce("embedding", "publish", EMBEDDINGS_READY.name),
    _produce("embedding", "dead letter", CHUNKS_PROCESSED.dlq.name),
    _commit("embedding", "embedding", quick=True),
    Effect("db_writer documents", "store", "mongodb", _WRITES, "chunks"),
    _produce("db_writer documents", "publish", DOCUMENTS_STATUS.name, quick=True),
    _produce("db_writer documents", "dead letter", EMBEDDINGS_READY.dlq.name),
    _commit("db_writer documents", "db_writer.documents"),
    Effect("db_writer metrics", "store", "mariadb", frozenset({"COMMIT"}), quick=True),
    _produce("db_writer metrics", "dead letter", PROCESSED_METRICS.dlq.name),
    _commit("db_writer metrics", "db_writer.metrics"),
    Effect("db_writer readings", "store", "mongodb", _WRITES, COLLECTION),
    _produce("db_writer readings", "dead letter", PROCESSED_READINGS.dlq.name),
    _commit("db_writer readings", "db_writer.readings"),
)

EXPECTED = {
    Side.BEFORE: "nothing happened, so the record is read again",
    Side.AFTER: "it happened and nobody knows, so it is repeated and changes nothing",
}


def cases() -> list[Case]:
    return [
        Case(
            kind="crash point",
            part=effect.hop,
            fault=f"SIGKILL {side} the acknowledgement of: {effect.name}",
            expected=EXPECTED[side],
            cause=partial(crash, effect, side),
            quick=effect.quick,
        )
        for effect in EFFECTS
        for side in Side
    ]


async def crash(effect: Effect, side: Side, act: Act) -> None:
    """Dies there at the first chance, and what it had committed by then has its effects."""
    part = effect.hop.split()[0]
    trap = Trap(effect.is_in, side, _killing(act, part))
    act.world.proxy.arm(act.world.links[part, effect.server], trap)
    loading = asyncio.create_task(act.load.send())
    fired = await asyncio.to_thread(trap.sprung.wait, FIRES_WITHIN)
    await loading
    assert fired, f"{part} never came to: {effect.name}"
    broken = await offsets_not_ahead(act.world, act.truth)
    assert not broken, "\n".join(broken)
    await act.world.restart(part)


def _killing(act: Act, part: str) -> Callable[[], None]:
    return lambda: act.world.strike(part)
