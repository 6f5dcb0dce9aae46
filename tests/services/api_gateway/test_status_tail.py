from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from services.api_gateway import tail as tails
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from shared.contracts.documents import Stage, State
from shared.errors import Transient
from shared.kafka.records import Outgoing
from shared.topics import DOCUMENTS_STATUS
from tests.services.api_gateway.world import World, status
from tests.services.api_gateway.world import world as make
from tests.waiting import until


def test_the_quietest_documents_are_forgotten_first() -> None:
    """The view holds no more than its capacity."""
    view = StatusView(capacity=2)
    for document_id in ("a", "b", "a", "c"):
        view.add(status(document_id, State.RECEIVED, Stage.GATEWAY))
    assert view.get("b") is None
    assert view.get("a")
    assert view.get("c")


async def test_a_slow_reader_misses_the_oldest_changes() -> None:
    """A watch that nobody reads stays small, and ends with the newest change."""
    view = StatusView()
    with view.watch("a") as watch:
        for version in range(200):
            view.add(status("a", State.RECEIVED, Stage.GATEWAY, version=version))
        watch_versions = []
        async for change in watch.changes():
            watch_versions.append(change.version)
            if change.version == 199:
                break
    assert watch_versions == list(range(136, 200))


async def test_unreadable_statuses_are_passed_over(world: World) -> None:
    """Other people's junk in the topic stops nobody."""
    for value in (None, b"junk", b"{}"):
        world.broker.append(Outgoing(DOCUMENTS_STATUS.name, b"k", value))
    world.tell(status("a", State.RECEIVED, Stage.GATEWAY))
    assert await world.tail.caught_up(1)
    assert world.view.get("a")


async def test_reading_goes_on_after_an_outage(world: World) -> None:
    """What was written around an outage is known after it."""
    assert await world.tail.caught_up(1)
    world.broker.away = True
    assert not await world.tail.caught_up(0.1)
    with pytest.raises(Transient):
        await world.tail.probe()
    world.tell(status("a", State.RECEIVED, Stage.GATEWAY))
    world.broker.away = False
    async with asyncio.timeout(20):
        while not await world.tail.caught_up(0.1):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert world.view.get("a")


async def test_older_statuses_are_left_to_the_store(world: World) -> None:
    """The tail begins some minutes ago, and after a restart where it had been if that is longer ago."""
    began: list[float] = []
    source = world.source
    start = source.start

    async def noted(since: float) -> None:
        began.append(since)
        await start(since)

    source.start = noted  # type: ignore[method-assign]
    tail = StatusTail(source, world.view, minutes=15)
    world.broker.away = True
    for seen_until in (time.time(), 1000.0):
        tail._seen_until = seen_until
        with pytest.raises(Transient):
            await tail.run()
    assert began[0] == pytest.approx(time.time() - 900, abs=5)
    assert began[1] == pytest.approx(100)


async def test_a_source_that_went_silent_is_started_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes although there is more: that is an outage, not peace."""
    monkeypatch.setattr(tails, "STALLED_AFTER", 0.05)
    world = make(tmp_path_factory.mktemp("objects"))
    world.source.held = True
    world.tell(status("a", State.RECEIVED, Stage.GATEWAY))
    running = asyncio.create_task(world.tail.run())
    world.tell(status("b", State.RECEIVED, Stage.GATEWAY))
    with pytest.raises(Transient, match="nothing came"):
        async with asyncio.timeout(20):
            await running


def made_anew(world: World) -> None:
    world.broker.make_anew(DOCUMENTS_STATUS.name)


def cut(world: World) -> None:
    for place, log in world.broker.logs.items():
        if place.topic == DOCUMENTS_STATUS.name and log:
            world.broker.cut(place, 0)


@pytest.mark.parametrize("loss", [made_anew, cut])
async def test_a_topic_whose_log_was_lost_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, loss: Callable[[World], None]
) -> None:
    """The tail doesn't stand where the old log had ended: what is in the new one is known, from its first record on."""
    monkeypatch.setattr(tails, "CHECK_SECONDS", 0.05)
    for version in range(5):
        world.tell(status("a", State.RECEIVED, Stage.GATEWAY, version=version))
    assert await world.tail.caught_up(1)
    loss(world)
    world.tell(status("a", State.RECEIVED, Stage.GATEWAY, version=9))
    await until(lambda: (known := world.view.get("a")) is not None and known.version == 9)
    world.tell(status("a", State.COMPLETE, Stage.DB_WRITER, version=9))
    await until(lambda: (known := world.view.get("a")) is not None and known.state is State.COMPLETE)
