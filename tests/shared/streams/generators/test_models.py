from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from shared.errors import Fatal
from shared.streams.declaration import Stream
from shared.streams.generators.generic import Generic, example
from shared.streams.generators.models import model_for
from shared.streams.generators.ratings import FILMS, USERS, Ratings
from shared.streams.generators.sensors import SOUND, Sensors
from shared.streams.generators.times import Pace, written
from shared.streams.generators.views import Views
from shared.streams.loading import load_streams
from shared.streams.verdict import Accepted, Value, judge
from tests.shared.streams.samples import NOW, declared, orders

STREAMS = load_streams()


def refused(stream: Stream, events: Sequence[dict[str, Value]]) -> list[object]:
    verdicts = [judge(stream, json.dumps(event).encode(), NOW) for event in events]
    return [verdict for verdict in verdicts if not isinstance(verdict, Accepted)]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_events_of_every_shipped_stream_are_accepted(stream: Stream) -> None:
    """By the stream's own declaration, and each model's are its own."""
    assert refused(stream, model_for(stream, 7).events([NOW] * 200)) == []
    assert refused(stream, [example(stream, NOW)]) == []


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_seed_says_everything_but_the_time(stream: Stream) -> None:
    """The same seed gives the same events; another, others."""
    one, same, other = (model_for(stream, seed).events([NOW] * 20) for seed in (7, 7, 8))
    assert one == same
    assert one != other


def test_ratings_look_like_ratings() -> None:
    """Half stars around 3.5; a small part of the films gets most of them; users and films agree with themselves."""
    model = Ratings(7)
    events = [event for _ in range(20) for event in model.events([NOW] * 5_000)]
    stars = [float(event["rating"]) for event in events]
    assert {star * 2 % 1 for star in stars} == {0.0}
    assert (min(stars), max(stars)) == (0.5, 5.0)
    assert statistics.mean(stars) == pytest.approx(3.5, abs=0.15)
    assert 0.7 < statistics.stdev(stars) < 1.2
    films = Counter(event["movieId"] for event in events)
    assert sum(count for _, count in films.most_common(FILMS // 100)) > 0.3 * len(events)
    assert all(1 <= int(event["userId"]) <= USERS for event in events)
    of_film = defaultdict(list)
    for event in events:
        of_film[event["movieId"]].append(float(event["rating"]))
    means = [statistics.mean(of_film[film]) for film, count in films.most_common(100) if count > 50]
    assert statistics.stdev(means) > 0.25


def test_sensors_have_a_day() -> None:
    """Louder in the afternoon than at night, never below 0, and each sensor at its own level."""
    day = NOW - NOW % 86_400_000

    def mean(hour: int) -> float:
        events = Sensors(SOUND, "sound", Random(1)).events([day + hour * 3_600_000] * 2_000)
        assert all(float(event["value"]) >= 0 for event in events)
        return statistics.mean(float(event["value"]) for event in events)

    assert mean(15) - mean(3) > 10


def test_views_go_from_episode_to_episode() -> None:
    """All seasons are watched, and of each season's characters a few are watched most."""
    events = Views(Random(1)).events([NOW] * 20_000)
    assert {event["season"] for event in events} == set(range(1, 9))
    names = Counter(event["character"] for event in events if event["season"] == 1)
    assert names.most_common(1)[0][1] > 4 * min(names.values())
    assert len({event["event_id"] for event in events}) == len(events)


def test_a_changed_declaration_gets_events_that_fit_it() -> None:
    """A model that no longer fits its stream gives way to the generic one."""
    ratings = next(stream for stream in STREAMS if stream.name == "ratings").canonical()
    ratings["fields"]["comment"] = {"type": "string"}
    changed = Stream.model_validate(ratings)
    assert refused(changed, model_for(changed, 7).events([NOW] * 50)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"fields.code": {"type": "string", "pattern": "[A-Z]{3}-[0-9]{4}"}},
        {"fields.code": {"type": "string", "enum": ["new", "old"]}},
        {"fields.code": {"type": "string", "max_length": 1}},
        {"fields.code": {"type": "boolean"}},
        {"fields.code": {"type": "int", "maximum": -5}},
        {"fields.code": {"type": "long", "minimum": 10_000_000_000, "multiple_of": 7}},
        {"fields.code": {"type": "double", "minimum": 0.5, "maximum": 0.503}},
        {"fields.code": {"type": "double", "multiple_of": 0.1}},
        {"fields.code": {"type": "timestamp"}},
        {"fields.at": {"type": "timestamp"}},
        {"event_time.unit": "s"},
        {"event_time.unit": "us"},
    ],
)
def test_any_declaration_can_be_tried(changes: dict[str, Any]) -> None:
    """Random events are within the rules, whatever these are."""
    stream = Stream.model_validate(declared(**changes))
    assert refused(stream, Generic(stream, Random(1)).events([NOW] * 100)) == []


def test_groups_meet() -> None:
    """Texts that events are grouped by come from a few."""
    events = Generic(orders(), Random(1)).events([NOW] * 500)
    assert 2 < len({event["customer"] for event in events}) <= 20
    assert {"price" in event for event in events} == {True, False}


def test_rules_that_nothing_random_meets_are_told() -> None:
    """Rather than looking for ever."""
    stream = orders(**{"fields.items": {"type": "int", "minimum": 5, "maximum": 6, "multiple_of": 4}})
    with pytest.raises(Fatal, match="orders: no event can be made up that is accepted: out of range: `items`"):
        Generic(stream, Random(1)).events([NOW])


def test_times_are_written_as_declared() -> None:
    """In the declared unit, or as ISO 8601."""
    assert written(orders(), NOW) == NOW
    assert written(orders(**{"event_time.unit": "s"}), NOW) == NOW // 1000
    assert written(orders(**{"fields.at": {"type": "timestamp"}}), NOW) == "2023-11-14T22:13:20.000Z"


def test_a_pace_does_not_drift() -> None:
    """However irregularly it is asked, it gives the rate times the time; without a rate, as many as it may."""
    pace = Pace(30)
    elapsed = [0.05, 0.06, 0.1, 0.5, 0.52, 1.0, 2.0]
    assert sum(pace.due(at) for at in elapsed) == 60
    assert Pace(0, most=10).due(0.001) == 10
    slow = Pace(1000, most=100)
    assert [slow.due(1.0), slow.due(1.0)] == [100, 100]
