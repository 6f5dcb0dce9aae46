from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.api_gateway import dead_letter_counts
from services.api_gateway.arrivals import MINUTE, Arrivals
from services.api_gateway.dead_letter_counts import DeadLetterCounts
from services.api_gateway.distribution import Sample, buckets, usual_field
from services.api_gateway.recent import Recent
from services.api_gateway.stream_stats import percentile
from services.api_gateway.topic_questions import Take, newest
from shared.contracts.documents import Reason, Stage, State
from shared.contracts.fleet import ProcessReport
from shared.errors import Code, Transient
from shared.kafka.deadletters import Failure, dead_letter
from shared.kafka.memory import MemoryBroker
from shared.kafka.records import Outgoing, Partition, Record
from shared.streams.declaration import FieldDeclaration, Type
from shared.streams.loading import load_streams
from shared.topics import FLEET_REPORTS
from tests.services.api_gateway.world import OTHER_KEY, MemoryQuestions, World, status
from tests.shared.test_ledger import account

STREAMS = {stream.name: stream for stream in load_streams()}


def rate(world: World, *ratings: object) -> None:
    for number, rating in enumerate(ratings):
        value = json.dumps({"userId": number, "rating": rating}).encode()
        world.broker.append(Outgoing("ratings", str(number).encode(), value))


def letter(offset: int, code: Code, topic: str = "ratings") -> Outgoing:
    record = Record(Partition(topic, 0), offset, 0, b"k", b"v")
    failure = Failure(code, "why", 1, datetime(2026, 1, 2, tzinfo=UTC))
    return dead_letter(record, failure, group="streaming.ratings", service="streaming", dlq_topic=f"{topic}.dlq")


async def test_stats_of_a_stream(world: World, client: httpx.AsyncClient) -> None:
    """What came in, how it is spread, what was refused and why."""
    rate(world, 0.5, 5.0, 5.0, "bad", 99)
    world.broker.append(Outgoing("ratings", b"k", b"junk"))
    for offset, code in ((1, Code.LATE), (1, Code.LATE), (2, Code.LATE), (3, Code.WRONG_TYPE)):
        world.broker.append(letter(offset, code))
    stats = (await client.get("/streams/ratings/stats")).json()
    assert stats["events_total"] == 6
    assert len(stats["events_per_minute"]) == 60
    assert sum(minute["events"] for minute in stats["events_per_minute"][-2:]) == 6
    assert stats["distribution"]["field"] == "rating"
    spread = stats["distribution"]["buckets"]
    assert [(spread[0]["from"], spread[0]["count"]), (spread[-1]["from"], spread[-1]["count"])] == [(0.5, 1), (5.0, 2)]
    assert stats["rejected"] == {"late": 2, "wrong_type": 1}
    asked = world.questions.asked
    assert (await client.get("/streams/ratings/stats")).json() == stats
    assert world.questions.asked == asked


async def test_stats_of_an_empty_stream(client: httpx.AsyncClient) -> None:
    """Nothing came, nothing is spread, nothing was refused."""
    stats = (await client.get("/streams/sensors.air/stats")).json()
    assert (stats["events_total"], stats["rejected"], stats["distribution"]["buckets"]) == (0, {}, [])


async def test_stats_while_kafka_is_away(world: World, client: httpx.AsyncClient) -> None:
    """503, and no answer is kept."""
    world.broker.away = True
    for path in ("/streams/ratings/stats", "/fleet", "/metrics/summary"):
        assert (await client.get(path)).status_code == 503
    world.broker.away = False
    assert (await client.get("/streams/ratings/stats")).status_code == 200


async def test_events_per_minute_are_asked_for_once() -> None:
    """What a past minute began with doesn't change, so only the newest ones are asked for again."""
    broker = MemoryBroker({"t": 2})
    now = int(time.time()) * 1000
    for ago in (70, 59, 5, 5, 1, 0):
        place = Partition("t", ago % 2)
        broker.logs[place].append(Record(place, len(broker.logs[place]), now - ago * MINUTE, b"k", b"v"))
    asked: list[int] = []

    class Noting(MemoryQuestions):
        async def offsets_at(self, topic: str, times: Any) -> Any:
            asked.append(len(times))
            return await super().offsets_at(topic, times)

    questions = Noting(broker)
    arrivals = Arrivals(questions)
    for _ in range(2):
        minutes = await arrivals.per_minute("t", await questions.ranges(["t"]), now)
        counts = [minute.events for minute in minutes]
        assert (sum(counts), counts[-1], counts[-2], counts[-6], counts[0]) == (5, 1, 1, 2, 1)
    assert asked == [60, 1]


async def test_dead_letters_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted is not read again; of very many the oldest are told as a number."""
    monkeypatch.setattr(dead_letter_counts, "MOST_READ", 5)
    broker = MemoryBroker({"ratings.dlq": 1, "other.dlq": 1})
    questions = MemoryQuestions(broker)
    counts = DeadLetterCounts(questions)
    for offset in range(8):
        broker.append(letter(offset, Code.FUTURE))
    broker.append(Outgoing("ratings.dlq", b"k", b"someone else's"))
    found = (await counts.of(["ratings.dlq", "other.dlq", "no.dlq"]))["ratings.dlq"]
    assert (found.records, found.codes) == (9, {"future": 4, "unknown": 1})
    asked = questions.asked
    found = (await counts.of(["ratings.dlq", "other.dlq"]))["ratings.dlq"]
    assert (found.records, questions.asked) == (9, asked + 1)


async def test_an_outage_while_dead_letters_are_read() -> None:
    """Nothing is counted twice, and nothing is left out."""
    broker = MemoryBroker({"ratings.dlq": 1})

    class Breaking(MemoryQuestions):
        breaks = True

        async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
            if not self.breaks:
                return await super().read(ranges, take)
            await super().read({place: range(wanted.start, wanted.start + 2) for place, wanted in ranges.items()}, take)
            raise Transient("away")

    questions = Breaking(broker)
    counts = DeadLetterCounts(questions)
    for offset in range(4):
        broker.append(letter(offset, Code.LATE))
    with pytest.raises(Transient):
        await counts.of(["ratings.dlq"])
    questions.breaks = False
    assert (await counts.of(["ratings.dlq"]))["ratings.dlq"].codes == {"late": 4}


def test_the_usual_field() -> None:
    """What a window computes something of, else the first number."""
    fields = {name: usual_field(stream) for name, stream in STREAMS.items()}
    assert fields == {
        "ratings": "rating",
        "sensors.air": "value",
        "sensors.sound": "value",
        "character.views": "season",
        "chunks": None,
    }


def test_buckets_by_step_and_by_width() -> None:
    """A declared step gives one each; without one there are twenty of one width; every value is in one."""
    rating = STREAMS["ratings"].fields["rating"]
    assert [bucket.start for bucket in buckets([3.0], rating)] == [n / 2 for n in range(1, 11)]
    free = FieldDeclaration(type=Type.DOUBLE)
    found = [n / 7 for n in range(-50, 50)]
    spread = buckets(found, free)
    assert (len(spread), sum(bucket.count for bucket in spread)) == (20, 100)
    assert next(bucket.count for bucket in buckets([2.5, 2.5], free)) == 2
    many = FieldDeclaration(type=Type.INT, minimum=1, maximum=138493)
    assert [(bucket.start, bucket.count) for bucket in buckets([7, 8, 8], many)] == [(7, 1), (8, 2)]
    assert sum(bucket.count for bucket in buckets([1, 90_000], many)) == 2


def test_values_of_bad_events_do_not_count() -> None:
    """Whatever stands in the topic."""
    place = Partition("t", 0)
    bad = (
        b"junk",
        None,
        b"[]",
        b'{"v": true}',
        b'{"v": NaN}',
        b'{"v": 1e999}',
        b'{"v": 11}',
        b"[" * 9999,
    )
    records = [Record(place, 0, 0, None, text) for text in (*bad, b'{"v": 2}')]
    sample = Sample("v", FieldDeclaration(type=Type.DOUBLE, maximum=10), 1000)
    assert sample.take(records[-1:])
    assert not sample.take(records)
    assert sample.values == [2.0, 2.0]


def test_percentiles() -> None:
    """By nearest rank; of nothing there is none."""
    samples = list(range(1, 101))
    assert [percentile(samples, share) for share in (0.5, 0.99)] == [51, 100]
    assert percentile([7], 0.95) == 7
    assert percentile([], 0.5) is None


def test_the_newest_records_of_all_partitions() -> None:
    """About as many as asked for, none that isn't there."""
    held = {Partition("t", 0): range(10, 100), Partition("t", 1): range(3)}
    assert newest(held, 20) == {Partition("t", 0): range(90, 100), Partition("t", 1): range(3)}


async def test_one_answer_for_all_who_ask() -> None:
    """Within the time; an error is not kept."""
    recent: Recent[int] = Recent(0.05)
    calls = 0

    async def ask() -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Transient("away")
        return calls

    with pytest.raises(Transient):
        await recent.get("a", ask)
    assert await asyncio.gather(*(recent.get("a", ask) for _ in range(5))) == [2] * 5
    await asyncio.sleep(0.06)
    assert await recent.get("a", ask) == 3


async def test_fleet(world: World, client: httpx.AsyncClient) -> None:
    """How far each group is behind, and what lies in each `.dlq`."""
    rate(world, 1, 2, 3)
    world.broker.committed["some.group", Partition("ratings", 0)] = 0
    world.broker.append(letter(1, Code.LATE))
    fleet = (await client.get("/fleet")).json()
    assert fleet["lag"] == [{"group": "some.group", "topic": "ratings", "records": 3}]
    letters = {one["topic"]: one for one in fleet["dead_letters"]}
    assert (letters["ratings.dlq"]["records"], letters["ratings.dlq"]["codes"]) == (1, {"late": 1})
    assert letters["ratings.dlq"]["last_at"] is not None
    assert letters["documents.raw.dlq"] == {"topic": "documents.raw.dlq", "records": 0, "last_at": None, "codes": {}}


async def test_the_fleet_by_its_own_word(world: World, client: httpx.AsyncClient) -> None:
    """Of each process that is there the newest report; what can't be read, and what fell silent, is not."""
    first, newer, other = report("a", retries=1), report("a", retries=2), report("b", problems={"mysql": "away"})
    world.reports.take([*told(first, newer, other), *told(report("c"), age_s=60)])
    world.reports.take([Record(Partition(FLEET_REPORTS.name, 0), 9, 0, b"x", b"not a report")])
    processes = (await client.get("/fleet")).json()["processes"]
    assert [(one["instance"], one["retries"], one["problems"]) for one in processes] == [
        ("a", 2, {}),
        ("b", 0, {"mysql": "away"}),
    ]


async def test_the_ledger_of_the_fleet(world: World, client: httpx.AsyncClient) -> None:
    """What became of every record, summed over the processes, with what is missing."""
    line = account("documents.raw", read=6, done=4, held=1)
    world.reports.take(told(*(report(name).model_copy(update={"ledger": (line,)}) for name in "ab")))
    (summed,) = (await client.get("/fleet")).json()["ledger"]
    assert (summed["topic"], summed["read"], summed["done"], summed["imbalance"]) == ("documents.raw", 12, 8, 2)


def report(instance: str, retries: int = 0, problems: dict[str, str] | None = None) -> ProcessReport:
    now = datetime.now(UTC)
    return ProcessReport(
        service="db_writer",
        instance=instance,
        started_at=now,
        reported_at=now,
        problems=problems or {},
        records_in=0,
        records_out=0,
        retries=retries,
        dead_letters=0,
    )


def told(*reports: ProcessReport, age_s: float = 0) -> list[Record]:
    """As the broker has them, so many seconds ago."""
    at = int((time.time() - age_s) * 1000)
    return [
        Record(Partition(FLEET_REPORTS.name, 0), offset, at, one.instance.encode(), one.model_dump_json().encode())
        for offset, one in enumerate(reports)
    ]


async def test_overview(world: World, client: httpx.AsyncClient) -> None:
    """A company sees its own documents: by state, by stage, and what failed."""
    reason = Reason(code="encrypted", message="a password is needed")
    world.store.add(
        status("a", State.COMPLETE, Stage.DB_WRITER),
        status("b", State.COMPLETE, Stage.DB_WRITER).model_copy(update={"at": datetime.now(UTC)}),
        status("c", State.PROCESSING, Stage.DOCPROC),
        status("d", State.FAILED, Stage.DOCPROC, reason=reason),
        status("e", State.FAILED, Stage.DOCPROC, company_id="other"),
    )
    seen = (await client.get("/overview")).json()
    assert (seen["by_state"]["complete"], seen["by_state"]["failed"], seen["by_state"]["received"]) == (2, 1, 0)
    assert seen["in_flight_by_stage"] == {"docproc": 1}
    assert seen["completed_last_minute"] == 1
    [failure] = seen["failures"]
    assert (failure["document_id"], failure["code"], failure["filename"]) == ("d", "encrypted", "a.txt")
    async with world.client(OTHER_KEY) as other:
        assert (await other.get("/overview")).json()["by_state"]["failed"] == 1
