"""A steady load of events and documents whose end is known beforehand."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from shared.kafka.client import KafkaProducer
from shared.kafka.records import Outgoing
from tests.fleet.corpus import corpus
from tests.fleet.harness import Fleet, Upload
from tests.fleet.test_streams import rating

PACE_S = 0.1
DOCUMENT_EVERY_S = 2.0


class Load:
    """`async with` it runs; afterwards `uploads` are the documents that were accepted."""

    def __init__(self, fleet: Fleet, folder: Path, events_per_s: int) -> None:
        self._fleet = fleet
        self._folder = folder
        self._rate = events_per_s
        self._over = asyncio.Event()
        self.uploads: list[Upload] = []

    async def __aenter__(self) -> Load:
        self._running = asyncio.gather(self._events(), self._documents())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._running

    async def _events(self) -> None:
        producer = KafkaProducer(self._fleet.kafka)
        sent, began = 0, time.monotonic()
        try:
            while not self._over.is_set():
                due = int((time.monotonic() - began) * self._rate) - sent
                values = [json.dumps(rating(sent + number)).encode() for number in range(due)]
                await producer.publish([Outgoing("ratings", value[:16], value) for value in values])
                sent += due
                await asyncio.sleep(PACE_S)
        finally:
            await producer.stop()

    async def _documents(self) -> None:
        number = 0
        while not self._over.is_set():
            files = corpus(self._folder / str(number), 1, first=number)
            self.uploads += await self._fleet.upload(files)
            number += 1
            await asyncio.sleep(DOCUMENT_EVERY_S)
