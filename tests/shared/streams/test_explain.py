from __future__ import annotations

import json

import pytest

from shared.streams.declaration import FieldDeclaration, Stream, Type
from shared.streams.explain import explain, overview, rule
from shared.streams.loading import load_streams
from shared.streams.plan import query_plans
from shared.streams.verdict import Accepted, judge
from tests.shared.streams.samples import NOW

STREAMS = {stream.name: stream for stream in load_streams()}


def told(stream: Stream) -> list[str]:
    return list(explain(stream, shuffle_partitions=2, epoch=3, now=NOW))


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_everything_that_follows_is_named(stream: Stream) -> None:
    """Topics, fields, queries with their checkpoints, tables, views, collections."""
    text = "\n".join(told(stream))
    names = [stream.topic_name, f"{stream.topic_name}.dlq", *stream.fields]
    names += [plan.name for plan in query_plans(stream)] + [plan.fingerprint(2, 3) for plan in query_plans(stream)]
    names += [f"CREATE TABLE IF NOT EXISTS `{window.table}`" for window in stream.windows]
    names += [window.publish.topic for window in stream.windows if window.publish]
    names += [stream.readings.collection] if stream.readings else []
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_the_example_is_accepted(stream: Stream) -> None:
    """Whoever copies it sends a good event."""
    lines = told(stream)
    line = lines[lines.index("an event that is accepted:") + 1]
    assert isinstance(judge(stream, json.dumps(json.loads(line)).encode(), NOW), Accepted)


def test_words_for_the_shipped_ratings() -> None:
    """A few lines as a person reads them."""
    lines = [line.strip() for line in told(STREAMS["ratings"])]
    assert "ratings: Films rated by users" in lines
    assert "in: `ratings`, 3 partitions, key `userId`, kept 7d" in lines
    assert "rating     a number, 0.5 to 5, a multiple of 0.5" in lines
    assert "POST /events/ratings  one event, an array, or NDJSON" in lines
    assert "CREATE OR REPLACE VIEW `movie_metrics_1m_top10` AS" in lines
    assert "for MariaDB; MySQL has `utf8mb4_0900_bin` in place of `utf8mb4_nopad_bin`" in lines


def test_a_pipeline_topic_takes_no_events() -> None:
    """Its stream has no endpoint to send to."""
    assert not any("POST" in line for line in told(STREAMS["chunks"]))


def test_rules_in_words() -> None:
    """Each rule of a field has its words."""
    assert rule(FieldDeclaration(type=Type.INT, minimum=3)) == "a whole number of 32 bits, 3 or more"
    assert rule(FieldDeclaration(type=Type.DOUBLE, maximum=0.5)) == "a number, 0.5 or less"
    assert rule(FieldDeclaration(type=Type.BOOLEAN, optional=True)) == "true or false, may be missing"
    text = FieldDeclaration(type=Type.STRING, pattern="[a-z]+", max_length=9, description="who")
    assert rule(text) == "a text, at most 9 characters, like `[a-z]+` (who)"
    assert rule(FieldDeclaration(type=Type.STRING, enum=("a", "b"))) == "a text, one of `a`, `b`"


def test_overview() -> None:
    """One row per stream, with what it writes."""
    rows = {row[0]: row for row in overview(list(STREAMS.values()))}
    assert rows["character.views"][3] == "character_views_1m, kafka_streams"
    assert rows["sensors.air"][3] == "air_metrics_1m, air_readings_clean"
