"""A process tells the others how it is, through Kafka as everything else."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime
from uuid import uuid4

from shared.contracts.fleet import ProcessReport
from shared.kafka.records import Emit, encode
from shared.kafka.transport import Producer
from shared.runtime.health import Health
from shared.topics import FLEET_REPORTS

EVERY_S = 5.0


class Reporter:
    """`run` is a job of every service that writes to Kafka."""

    def __init__(self, health: Health, producer: Producer) -> None:
        """The producer is the reporter's own: a report that can't be written must not disturb the work."""
        self._health = health
        self._producer = producer
        self._instance = f"{health.service}@{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._started_at = datetime.now(UTC)

    async def run(self) -> None:
        """Without end. Raises Transient while Kafka is away."""
        try:
            while True:
                await self._producer.publish(encode([Emit(FLEET_REPORTS, await self._report())], self._health.service))
                await asyncio.sleep(EVERY_S)
        finally:
            await self._producer.stop()

    async def _report(self) -> ProcessReport:
        counts = self._health.counts()
        return ProcessReport(
            service=self._health.service,
            instance=self._instance,
            started_at=self._started_at,
            reported_at=datetime.now(UTC),
            problems=await self._health.ready(),
            warnings=self._health.warnings(),
            records_in=counts.records_in,
            records_out=counts.records_out,
            retries=counts.retries,
            dead_letters=counts.dead_letters,
            ledger=tuple(self._health.ledger()),
        )
