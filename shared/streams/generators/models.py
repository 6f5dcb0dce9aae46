"""Which generator a stream gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol

from shared.streams.declaration import Stream
from shared.streams.generators.generic import Generic
from shared.streams.generators.ratings import Ratings
from shared.streams.generators.sensors import AIR, SOUND, Sensors
from shared.streams.generators.views import Views
from shared.streams.verdict import Accepted, Value, judge


class Model(Protocol):
    """A source of events."""

    def events(self, times: Sequence[int]) -> list[dict[str, Value]]:
        """One event per time, in ms since 1970."""


MODELS: Mapping[str, Callable[[int], Model]] = {
    "ratings": Ratings,
    "sensors.sound": lambda seed: Sensors(SOUND, "sound", Random(seed)),  # noqa: S311 nothing secret
    "sensors.air": lambda seed: Sensors(AIR, "air", Random(seed)),  # noqa: S311
    "character.views": lambda seed: Views(Random(seed)),  # noqa: S311
}


def model_for(stream: Stream, seed: int) -> Model:
    """The stream's own, where there is one and its declaration still takes such events; else the generic one."""
    own = MODELS.get(stream.name)
    if own is not None and _fits(stream, own(seed)):
        return own(seed)
    return Generic(stream, Random(seed))  # noqa: S311 nothing secret


def _fits(stream: Stream, model: Model) -> bool:
    time = 1_700_000_000_000
    events = model.events([time] * 20)
    return all(isinstance(judge(stream, json.dumps(event).encode(), time), Accepted) for event in events)
