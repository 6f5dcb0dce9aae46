"""Sensors: each has its level, a daily cycle, noise, and now and then a spike that dies away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from shared.streams.verdict import Value

SENSORS = 50
DAY = 86_400_000
SPIKES = 0.002
"""The chance that a measurement begins one."""
FADING = 0.7
"""What is left of a spike at the sensor's next measurement."""


@dataclass(frozen=True)
class Quantity:
    """What is measured, in `unit`: the level around which sensors lie, how they differ, and how much a day, noise and
    a spike add. `cycle` is the hour (UTC) of the day's maximum."""

    unit: str
    level: float
    differ: float
    daily: float
    noise: float
    spike: float
    cycle: float


SOUND = Quantity("dB", level=52, differ=6, daily=9, noise=1.5, spike=30, cycle=15)
AIR = Quantity("ug/m3", level=14, differ=5, daily=6, noise=1.2, spike=60, cycle=8)


class Sensors:
    """In turns of no order; the same seed gives the same sensors, noise and spikes."""

    def __init__(self, quantity: Quantity, prefix: str, random: Random) -> None:
        self._quantity = quantity
        self._random = random
        self._names = [f"{prefix}-{number:03}" for number in range(1, SENSORS + 1)]
        self._levels = {name: random.gauss(quantity.level, quantity.differ) for name in self._names}
        self._spikes = dict.fromkeys(self._names, 0.0)

    def events(self, times: Sequence[int]) -> list[dict[str, Value]]:
        """One per time, in ms since 1970."""
        return [self._event(time) for time in times]

    def _event(self, time: int) -> dict[str, Value]:
        sensor = self._random.choice(self._names)
        value = max(0.0, self._level(sensor, time) + self._random.gauss(0, self._quantity.noise) + self._spike(sensor))
        return {"sensor_id": sensor, "timestamp": time, "value": round(value, 2), "unit": self._quantity.unit}

    def _level(self, sensor: str, time: int) -> float:
        hours = (time % DAY) / 3_600_000 - self._quantity.cycle
        return self._levels[sensor] + self._quantity.daily * math.cos(hours / 24 * math.tau)

    def _spike(self, sensor: str) -> float:
        left = self._spikes[sensor] * FADING
        if self._random.random() < SPIKES:
            left = self._quantity.spike * self._random.uniform(0.5, 1.5)
        self._spikes[sensor] = left if left > 0.1 else 0.0
        return left
