"""Publishing: idempotent, acknowledged by all in-sync replicas, built anew when its sequence is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition

from shared.errors import Permanent, Transient
from shared.kafka.client.connection import Connection, abandon, start_client, stop_client, translated
from shared.kafka.client.outbox import Outbox
from shared.kafka.records import Acknowledged, Outgoing

BATCH_BYTES = 256 * 1024


class KafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas. Implements `transport.Producer`."""

    def __init__(
        self,
        connection: Connection,
        *,
        deadline: float = 30.0,
        compression: str | None = "zstd",
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """`deadline` in seconds: how long a publish may take before its outcome counts as unknown.
        `batch_bytes` must not exceed the least limit of the topics written to, which would refuse a batch for the sum
        of its records."""
        self._connection = connection
        self._deadline = deadline
        self._compression = compression
        self._batch_bytes = batch_bytes
        self._outbox: Outbox | None = None
        self._building = asyncio.Lock()

    async def start(self) -> None:
        await self._current()

    async def _current(self) -> Outbox:
        async with self._building:
            if self._outbox is None:
                self._outbox = Outbox(await self._build())
            return self._outbox

    async def _build(self) -> AIOKafkaProducer:
        client = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=self._batch_bytes,
            max_request_size=128 * 1024 * 1024,  # what counts are the topics' limits, on compressed bytes
            compression_type=self._compression,
            request_timeout_ms=int(self._deadline * 1000),
        )
        await start_client(client)
        return client

    async def publish(self, records: Sequence[Outgoing]) -> Sequence[Acknowledged]:
        used: Outbox | None = None
        try:
            async with asyncio.timeout(self._deadline):
                used = await self._current()
                with translated():
                    return await used.send(records)
        except TimeoutError:
            await self._discard(used)
            raise Transient(f"kafka: no acknowledgement within {self._deadline:g} s") from None
        except Transient:
            await self._discard(used)
            raise
        except Permanent:
            await self._retire(used)
            raise

    async def _discard(self, outbox: Outbox | None) -> None:
        """After a failed publish the producer's sequence is in doubt, and some of its errors are final: build anew.

        What it still holds is not sent any more: whoever asked for it is told, and asks again.
        """
        if outbox is not None and self._outbox is outbox:
            self._outbox = None
            await abandon(outbox.client)
            await stop_client(outbox.client)

    async def _retire(self, outbox: Outbox | None) -> None:
        """A refused batch has used up its sequence numbers: the next to its partition would be out of order. What is on
        its way to other partitions still arrives."""
        if outbox is not None and self._outbox is outbox:
            self._outbox = None
            await stop_client(outbox.client)
            await abandon(outbox.client)  # what came too late for the flush

    async def leaders(self, topic: str) -> frozenset[int]:
        """The brokers that lead its partitions now. Raises Transient."""
        await self.probe()
        with translated():
            client = (await self._current()).client
            numbers = await client.partitions_for(topic)
            cluster = client.client.cluster
            leaders = (cluster.leader_for_partition(TopicPartition(topic, number)) for number in numbers)
            return frozenset(leader for leader in leaders if leader not in (None, -1))

    async def probe(self) -> None:
        """Raises Transient unless a broker answers now."""
        with translated():
            outbox = await self._current()
            if not await outbox.client.client.force_metadata_update():
                raise Transient("kafka: no broker answers")

    async def stop(self) -> None:
        if self._outbox is not None:
            outbox, self._outbox = self._outbox, None
            await stop_client(outbox.client)
