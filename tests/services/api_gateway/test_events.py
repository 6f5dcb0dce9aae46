from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx

from services.api_gateway.routes_events import _events
from shared.contracts.documents import Counts, Stage, State
from shared.documents import fold
from tests.services.api_gateway.world import World, status

ID = str(uuid4())
STEPS = [
    status(ID, State.RECEIVED, Stage.GATEWAY),
    status(ID, State.PROCESSING, Stage.INGEST),
    status(ID, State.PROCESSING, Stage.DOCPROC, counts=Counts(pages=1, chunks=2)),
    status(ID, State.PROCESSING, Stage.EMBEDDING, counts=Counts(vectors=2)),
    status(ID, State.COMPLETE, Stage.DB_WRITER, counts=Counts(pages=1, chunks=2, vectors=2)),
]


def parsed(text: str) -> list[tuple[str, dict[str, Any], str]]:
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        events.append((fields["event"], json.loads(fields["data"]), fields["id"]))
    return events


async def watched(world: World) -> None:
    """Returns once a stream is open."""
    while not world.view._watches:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_events_until_complete(world: World, client: httpx.AsyncClient) -> None:
    """First the present state, then one event per change, and the stream ends with the last."""
    world.tell(STEPS[0])
    await world.tail.caught_up(1)

    async def work() -> None:
        await watched(world)
        for step in STEPS[1:]:
            world.tell(step)
            world.tell(step)

    working = asyncio.create_task(work())
    response = await client.get(f"/documents/{ID}/events")
    await working
    events = parsed(response.text)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [(name, data["stage"]) for name, data, _ in events] == [
        (step.state.value, step.stage.value) for step in STEPS
    ]
    assert events[-1][1]["counts"] == {"pages": 1, "chunks": 2, "vectors": 2}
    assert len({event_id for *_, event_id in events}) == len(events)
    assert not world.view._watches


async def test_events_of_a_document_that_is_done(world: World, client: httpx.AsyncClient) -> None:
    """One event; a client that reconnects after it is told with 204 not to come again."""
    world.store.add(*STEPS)
    [(name, _, event_id)] = parsed((await client.get(f"/documents/{ID}/events")).text)
    assert name == "complete"
    again = await client.get(f"/documents/{ID}/events", headers={"Last-Event-ID": event_id})
    assert (again.status_code, again.content) == (204, b"")
    other = await client.get(f"/documents/{ID}/events", headers={"Last-Event-ID": "0.0"})
    assert other.status_code == 200


async def test_events_end_when_the_process_does(world: World, client: httpx.AsyncClient) -> None:
    """An open stream doesn't hold up a stop."""
    world.tell(STEPS[0])
    await world.tail.caught_up(1)
    reading = asyncio.create_task(client.get(f"/documents/{ID}/events"))
    await watched(world)
    world.view.close()
    async with asyncio.timeout(20):
        response = await reading
    assert [name for name, *_ in parsed(response.text)] == ["received"]


async def test_a_change_between_the_look_and_the_watch_is_not_lost(world: World) -> None:
    """What the tail read before the watch began is in the first event."""
    document = fold(None, STEPS[0])
    for step in STEPS[1:]:
        world.view.add(step)
    assert [event.event async for event in _events(world.view, document)] == ["complete"]


async def test_late_statuses_make_no_event(world: World) -> None:
    """A status of an earlier stage that comes late changes neither state nor stage."""
    events = _events(world.view, fold(None, STEPS[3]))
    assert (await anext(events)).event == "processing"
    for step in (STEPS[1], STEPS[0], STEPS[4]):
        world.view.add(step)
    assert [event.event async for event in events] == ["complete"]


async def test_newer_version_goes_on_in_the_same_stream(world: World) -> None:
    """A document that is replaced meanwhile is followed to the end of its newest version."""
    events = _events(world.view, fold(None, STEPS[0]))
    await anext(events)
    world.view.add(status(ID, State.RECEIVED, Stage.GATEWAY, version=1))
    world.view.add(status(ID, State.COMPLETE, Stage.DB_WRITER, version=0))
    world.view.add(status(ID, State.FAILED, Stage.INGEST, version=1))
    assert [(event.event, (event.id or "")[0]) async for event in events] == [("received", "1"), ("failed", "1")]
