"""The truth of the events that the tests make, held against truth by hand; and that they are hard enough."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.events import made
from tests.events.made import BEGIN, HOUR, MINUTE


def reading(at: int, sensor: str, value: float) -> dict[str, object]:
    return {"ts_ms": BEGIN + at, "sensor_id": sensor, "value": value}


def test_measures_by_hand() -> None:
    """A window holds its first millisecond and not the next window's; sensors are told apart by case."""
    events = [reading(MINUTE, "b", 9.0), reading(0, "a", 1.0), reading(MINUTE - 1, "a", 4.0), reading(5, "A", -2.5)]
    found = [tuple(row.values()) for row in made.measures(events, MINUTE)]
    first = (BEGIN, "2020-02-28T22:00:00Z", BEGIN + MINUTE, "2020-02-28T22:01:00Z")
    second = (BEGIN + MINUTE, "2020-02-28T22:01:00Z", BEGIN + 2 * MINUTE, "2020-02-28T22:02:00Z")
    assert found == [
        (*first, "A", 1, -2.5, -2.5, -2.5, -2.5),
        (*first, "a", 2, 5.0, 2.5, 1.0, 4.0),
        (*second, "b", 1, 9.0, 9.0, 9.0, 9.0),
    ]


def seen(counts: dict[str, int], minute: int = 0) -> list[dict[str, object]]:
    at = BEGIN + minute * MINUTE
    return [{"timestamp": at, "character": who} for who, count in counts.items() for _ in range(count)]


def test_the_first_five_by_hand() -> None:
    """Who ties for the last place may be among them; who is above it, or fits, must be."""
    events = seen({"a": 5, "b": 4, "c": 3, "d": 2, "e": 1, "f": 1, "g": 1}) + seen({"a": 1, "b": 1}, minute=1)
    events += seen({"a": 3, "b": 2, "c": 2, "d": 2, "e": 2, "f": 1}, minute=2)
    found = [(row["window_start_ms"], row["character"], row["membership"]) for row in made.top(events, MINUTE)]
    starts = [BEGIN + minute * MINUTE for minute in range(3)]
    assert found == [
        *((starts[0], who, "must") for who in "abcd"),
        *((starts[0], who, "may") for who in "efg"),
        *((starts[1], who, "must") for who in "ab"),
        *((starts[2], who, "must") for who in "abcde"),
    ]


def test_they_hold_what_a_computation_may_fail_on() -> None:
    """Both ends of minutes and hours, a leap day, sensors that speak seldom, and ties at the cut beside none."""
    times = [event["ts_ms"] for event in made.readings()]
    assert {at % HOUR for at in times} >= {0, HOUR - 1}
    assert {at % MINUTE for at in times} >= {0, MINUTE - 1}
    assert min(times) < BEGIN + 2 * HOUR < max(times) - 24 * HOUR
    assert 0 < Counter(event["sensor_id"] for event in made.readings())[made.SENSORS[-1]] < 100
    for size in (MINUTE, 5 * MINUTE):
        assert {row["membership"] for row in made.top(made.views(), size)} == {"must", "may"}


def test_a_seed_gives_the_same_files(tmp_path: Path) -> None:
    """So that a failure can be seen again; another seed gives others."""
    folders = [tmp_path / name for name in ("one", "again", "other")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        folder.mkdir()
        made.write(folder, seed)
    one, again, other = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert len(one) == 6
    assert one == again
    assert all(one[name] != other[name] for name in one)
