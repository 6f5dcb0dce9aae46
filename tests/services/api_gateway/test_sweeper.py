"""What is removed from the object store, and what never."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from services.api_gateway.sweeper import TELLERS, WORD_KEPT, Sweeper
from services.api_gateway.upload_log import ORPHANS_KEPT, UploadsPaused
from shared.contracts.documents import DocumentStatus, Stage, State
from shared.errors import Transient
from shared.topics import DOCUMENTS_STATUS, UPLOADS_RECEIVED
from tests.services.api_gateway.world import World

DAY = 86_400.0
NAME = "/documents/by-name/n"


@pytest.fixture
def sweeper(world: World) -> Sweeper:
    return Sweeper(world.gateway.objects, world.store, world.questions, world.upload_log, every=0, age=DAY)


async def put(world: World, client: httpx.AsyncClient, content: bytes) -> Path:
    """The stored file of one more version."""
    before = set(world.stored_files)
    assert (await client.put(NAME, content=content)).status_code == 202
    (file,) = set(world.stored_files) - before
    return file


def told(world: World, *, complete: bool = False) -> None:
    """As ingest and db_writer would, from all that was said."""
    statuses = [DocumentStatus.model_validate_json(r.value or b"") for r in world.broker.read(DOCUMENTS_STATUS.name)]
    world.store.add(*statuses)
    if complete:
        world.store.add(statuses[-1].model_copy(update={"state": State.COMPLETE, "stage": Stage.DB_WRITER}))
    for group, topic in TELLERS.items():
        for place, log in world.broker.logs.items():
            if place.topic == topic:
                world.broker.committed[group, place] = len(log)


def aged(*files: Path, seconds: float = 2 * DAY) -> None:
    for file in files:
        os.utime(file, (time.time() - seconds,) * 2)


async def test_superseded_contents_go(world: World, client: httpx.AsyncClient, sweeper: Sweeper) -> None:
    """The newest version's bytes stay, and those of the one that readers see; what was between them goes."""
    seen = await put(world, client, b"one")
    told(world, complete=True)
    between, newest = await put(world, client, b"two"), await put(world, client, b"three")
    told(world)
    aged(seen, between, newest)
    assert (await sweeper.sweep()).removed == 1
    assert (seen.exists(), between.exists(), newest.exists()) == (True, False, True)
    assert between.with_name(f"{between.name}.gone").exists()


async def test_what_is_young_stays(world: World, client: httpx.AsyncClient, sweeper: Sweeper) -> None:
    """An object is there before anybody hears of it."""
    told(world)
    orphan = world.objects_folder / "acme" / "orphan"
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    aged(orphan, seconds=DAY - 60)
    assert (await sweeper.sweep()).removed == 0
    aged(orphan)
    assert (await sweeper.sweep()).removed == 1


async def test_what_was_made_from_an_object_goes_with_it(
    world: World, client: httpx.AsyncClient, sweeper: Sweeper
) -> None:
    """And stays with it."""
    kept = await put(world, client, b"one")
    told(world)
    text, lost = (kept.parent / f"{name}.text" / "abc.txt" for name in (kept.name, "other"))
    for file in (text, lost):
        file.parent.mkdir()
        file.write_bytes(b"x")
    aged(kept, text, lost)
    assert (await sweeper.sweep()).removed == 1
    assert (kept.exists(), text.exists(), lost.exists()) == (True, True, False)


@pytest.mark.parametrize("group", TELLERS)
async def test_nothing_goes_while_somebody_is_behind(
    world: World, client: httpx.AsyncClient, sweeper: Sweeper, group: str
) -> None:
    """An upload that ingest, or db_writer, hasn't come to for half a day isn't known to the store: it must not go."""
    file = await put(world, client, b"one")
    aged(file)
    for log in world.broker.logs.values():
        log[:] = [record._replace(timestamp=record.timestamp - int(1.5 * DAY * 1000)) for record in log]
    told(world)
    world.store.known.clear()
    for key in [key for key in world.broker.committed if key[0] == group]:
        del world.broker.committed[key]
    with pytest.raises(Transient, match="too far behind"):
        await sweeper.sweep()
    assert file.exists()


async def test_the_word_of_a_removal_goes_in_the_end(world: World, sweeper: Sweeper) -> None:
    """It is kept for as long as a replay could ask."""
    told(world)
    young, old = (world.objects_folder / name for name in ("young.gone", "old.gone"))
    for file in (young, old):
        file.write_bytes(b"")
    aged(young, seconds=WORD_KEPT.total_seconds() - 60)
    aged(old, seconds=WORD_KEPT.total_seconds() + 60)
    assert (await sweeper.sweep()).removed == 1
    assert (young.exists(), old.exists()) == (True, False)


async def test_a_store_that_is_away_keeps_everything(world: World, client: httpx.AsyncClient, sweeper: Sweeper) -> None:
    """Nothing is known of what is needed."""
    file = await put(world, client, b"one")
    told(world)
    aged(file)
    world.store.away = True
    with pytest.raises(Transient):
        await sweeper.sweep()
    assert file.exists()


def lost(world: World) -> None:
    """Kafka's records of uploads go."""
    world.broker.make_anew(UPLOADS_RECEIVED.name)


async def test_nothing_goes_while_the_log_of_uploads_is_lost(
    world: World, client: httpx.AsyncClient, sweeper: Sweeper
) -> None:
    """What was lost with it may be the only thing that named an object: the sweeper rests until a person has looked."""
    file = await put(world, client, b"one")
    aged(file)
    lost(world)
    await world.upload_log.look()
    told(world)
    world.store.known.clear()
    with pytest.raises(UploadsPaused, match="another topic"):
        await sweeper.sweep()
    assert file.exists()


async def test_what_was_accepted_before_a_loss_is_kept_for_a_week(
    world: World, client: httpx.AsyncClient, sweeper: Sweeper
) -> None:
    """An upload that was answered, and of which no record is left and no document tells, can be had from its object
    for some days after the adoption; what is swept otherwise goes on being swept."""
    before = await put(world, client, b"one")
    aged(before)
    lost(world)
    world.adopt(incarnation=1, at=datetime.now(UTC) - ORPHANS_KEPT + timedelta(minutes=1))
    await world.upload_log.look()
    after = before.with_name("interrupted")
    after.write_bytes(b"x")
    aged(before, seconds=ORPHANS_KEPT.total_seconds())
    aged(after)
    told(world)
    world.store.known.clear()
    assert (await sweeper.sweep()).removed == 1
    assert (before.exists(), after.exists()) == (True, False)
    world.adopt(incarnation=2, at=datetime.now(UTC) - ORPHANS_KEPT)
    await world.upload_log.look()
    assert (await sweeper.sweep()).removed == 1
    assert not before.exists()


async def test_a_document_that_was_received_keeps_its_object(
    world: World, client: httpx.AsyncClient, sweeper: Sweeper
) -> None:
    """Though its upload was lost, at any time after that: the document still names the object."""
    file = await put(world, client, b"one")
    told(world)
    lost(world)
    world.adopt(incarnation=1, at=datetime.now(UTC) - 2 * ORPHANS_KEPT)
    await world.upload_log.look()
    told(world)
    aged(file, seconds=5 * ORPHANS_KEPT.total_seconds())
    assert (await sweeper.sweep()).removed == 0
    assert file.exists()
