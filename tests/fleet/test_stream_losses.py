"""A stream's log that is lost, cut or made anew, and control records that are gone: windows go on right afterwards.

The fleet is one of its own: a log that was lost stays lost.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.kafka.client import KafkaAdmin, offset_ranges
from shared.streams.applying import in_force
from shared.topics import STREAMS_CONTROL, TOPICS_CONTROL, Topic
from tests.adopting import delete_topic, make_anew
from tests.fleet.events import verified
from tests.fleet.harness import Fleet
from tests.waiting import until

pytestmark = [pytest.mark.fleet, pytest.mark.faults, pytest.mark.timeout(900)]

WITHIN = 180
NDJSON = {"Content-Type": "application/x-ndjson"}
STREAM = """
name: counted
topic: {partitions: 2, retention: 1d, key: id}
event_time: {field: at, unit: ms, lateness: 20s, max_ahead: 1s}
fields:
  id: {type: string, max_length: 40}
  at: {type: long, minimum: 1}
windows:
  - {table: counted_10s, size: 10s, select: {count: count(*)}}
"""
TOPIC = Topic("counted", "id", 2, STREAMS_CONTROL.retention, log_append_time=True)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    root = tmp_path_factory.mktemp("losses")
    (root / "streams").mkdir()
    (root / "streams" / "counted.yaml").write_text(STREAM)
    environment = {"CAUCE_STREAMS_DIR": str(root / "streams"), "CAUCE_STREAMING_REALTIME_DURATION": "PT20S"}
    fleet = Fleet(root / "state", environment)
    try:
        fleet.up()
        yield fleet
    finally:
        fleet.down()


async def send(fleet: Fleet, count: int) -> None:
    """Events of now, at the beginning of a window. A producer whose sequence was cut off with the log is built anew:
    its first events are refused, and sent again."""
    await asyncio.sleep(10 - time.time() % 10)

    async def sent() -> bool:
        now = int(time.time() * 1000)
        lines = "".join(json.dumps({"id": f"e{number}", "at": now}) + "\n" for number in range(count))
        async with fleet.client() as client:
            answer = await client.post("/events/counted", content=lines, headers=NDJSON)
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code == 202

    await until(sent, seconds=20)


def counts(fleet: Fleet) -> dict[Any, int]:
    return dict(fleet.rows("SELECT window_start, `count` FROM counted_10s"))


async def are_counted(fleet: Fleet, count: int, before: dict[Any, int]) -> dict[Any, int]:
    """Waits for the new windows' events, and sees that no old row has changed."""

    async def counted() -> bool:
        rows = await asyncio.to_thread(counts, fleet)
        return sum(rows.values()) - sum(before.values()) == count

    await until(counted, seconds=WITHIN)
    rows = counts(fleet)
    assert {start: rows.get(start) for start in before} == before
    return rows


async def problems(fleet: Fleet, name: str) -> str:
    port = next(process.port for process in fleet.state.processes if process.name == name)
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/ready")
    return "" if answer.is_success else str(answer.json()["problems"])


async def topic_made_anew(fleet: Fleet) -> None:
    await make_anew(fleet.kafka, TOPIC)


def _kafka(fleet: Fleet) -> Path:
    return fleet.state_dir / "data" / "kafka"


async def end_cut(fleet: Fleet) -> None:
    """The broker dies and comes back with half of the topic."""
    old = fleet.kill("kafka")
    for segment in _kafka(fleet).glob("log/counted-[0-9]*/*.log"):
        with segment.open("r+b") as file:
            file.truncate(segment.stat().st_size // 2)
    await fleet.until_restarted("kafka", old)


async def everything_lost(fleet: Fleet) -> None:
    code, said = fleet.cauce("down")
    assert code == 0, said
    shutil.rmtree(_kafka(fleet) / "log")
    began = time.monotonic()
    code, said = fleet.cauce("up", "--detach")
    assert code != 0, said
    assert "cauce topics adopt" in said, said
    assert time.monotonic() - began < 120, said


async def controls_lost(fleet: Fleet) -> None:
    for topic in (STREAMS_CONTROL, TOPICS_CONTROL):
        await delete_topic(fleet.kafka, topic)
    code, said = fleet.cauce("topics", "apply")
    assert code == 0, said


Lose = Callable[[Fleet], Awaitable[None]]


@pytest.mark.parametrize("lose", [topic_made_anew, end_cut, everything_lost], ids=lambda lose: lose.__name__)
async def test_windows_go_on_right_after_a_loss(fleet: Fleet, lose: Lose) -> None:
    """Those of before keep their rows, those of afterwards count every event, and `cauce verify` agrees; in between it
    is said what is wrong, and by which command it goes on."""
    before = counts(fleet)
    await send(fleet, 7)
    before = await are_counted(fleet, 7, before)
    await until(lambda: has_left_marks(fleet), seconds=WITHIN)
    await lose(fleet)
    await until(lambda: says_adopt(fleet), seconds=WITHIN)
    code, said = fleet.cauce("topics", "adopt")
    assert (code, "nothing was done" in said) == (0, True), said
    code, said = fleet.cauce("topics", "adopt", "--yes", "--why", "a test")
    assert code == 0, said
    await until(lambda: is_ready(fleet), seconds=WITHIN)
    await send(fleet, 5)
    await are_counted(fleet, 5, before)
    verified(fleet, "counted", seconds=60)


async def has_left_marks(fleet: Fleet) -> bool:
    """Whether the query of the windows has said that it has read everything."""
    kept = await offset_ranges(fleet.kafka, [TOPIC.name])
    epoch = (await in_force(fleet.kafka))[TOPIC.name].epoch
    async with KafkaAdmin(fleet.kafka) as admin:
        marks = await admin.marks(f"streaming.counted.windows.counted_10s.{epoch}")
    return {partition: mark.offset for partition, mark in marks.items()} == {p: held.stop for p, held in kept.items()}


async def says_adopt(fleet: Fleet) -> bool:
    return "cauce topics adopt" in await problems(fleet, "streaming")


async def is_ready(fleet: Fleet) -> bool:
    return not await problems(fleet, "streaming") and not await problems(fleet, "api_gateway")


async def test_windows_go_on_right_after_controls_are_lost(fleet: Fleet) -> None:
    """Nobody has to do anything: the next epoch lies above the greatest that MySQL knows."""
    before = counts(fleet)
    await send(fleet, 4)
    before = await are_counted(fleet, 4, before)
    code, said = fleet.cauce("streams", "reset", "counted", "--reason", "so that the epoch isn't the first")
    assert code == 0, said
    verified(fleet, "counted", seconds=WITHIN)
    await controls_lost(fleet)
    await send(fleet, 6)
    await are_counted(fleet, 6, before)
    verified(fleet, "counted", seconds=60)
