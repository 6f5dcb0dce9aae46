"""Publishing: idempotent, acknowledged by all in-sync replicas, built anew when its sequence is in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from shared.errors import Transient
from shared.kafka.client.connection import Connection, abandon, start_client, stop_client, translated
from shared.kafka.records import Acknowledged, Outgoing, Partition

BATCH_BYTES = 256 * 1024


class KafkaProducer:
    """Idempotent, acknowledged by all in-sync replicas. Implements `transport.Producer`."""

    def __init__(
        self,
        connection: Connection,
        *,
        deadline: float = 30.0,
        compression: str = "zstd",
        linger: float = 0.002,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        """`deadline` in seconds: how long a publish may take before its outcome counts as unknown. `linger` in seconds:
        how long a batch waits for more. `batch_bytes` must not exceed the least limit of the topics written to, which
        would refuse a batch for the sum of its records."""
        self._connection = connection
        self._deadline = deadline
        self._compression = compression
        self._linger = linger
        self._batch_bytes = batch_bytes
        self._client: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()

    async def start(self) -> None:
        await self._current()

    async def _current(self) -> AIOKafkaProducer:
        async with self._building:
            if self._client is None:
                self._client = await self._build()
            return self._client

    async def _build(self) -> AIOKafkaProducer:
        client = AIOKafkaProducer(
            bootstrap_servers=self._connection.bootstrap_servers,
            client_id=self._connection.client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=int(self._linger * 1000),
            max_batch_size=self._batch_bytes,
            max_request_size=128 * 1024 * 1024,  # what counts are the topics' limits, on compressed bytes
            compression_type=self._compression,
            request_timeout_ms=int(self._deadline * 1000),
        )
        await start_client(client)
        return client

    async def publish(self, records: Sequence[Outgoing]) -> list[Acknowledged]:
        used: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._deadline):
                used = await self._current()
                with translated():
                    return await self._send(used, records)
        except TimeoutError:
            await self._discard(used)
            raise Transient(f"kafka: no acknowledgement within {self._deadline:g} s") from None
        except Transient:
            await self._discard(used)
            raise

    async def _send(self, client: AIOKafkaProducer, records: Sequence[Outgoing]) -> list[Acknowledged]:
        sends = [
            await client.send(record.topic, record.value, record.key, headers=list(record.headers))
            for record in records
        ]
        results = await asyncio.gather(*sends, return_exceptions=True)
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            raise failed
        return [_acknowledged(result) for result in results if not isinstance(result, BaseException)]

    async def _discard(self, client: AIOKafkaProducer | None) -> None:
        """After a failed publish the producer's sequence is in doubt, and some of its errors are final: build anew.

        What it still holds is not sent any more: whoever asked for it is told, and asks again.
        """
        if client is not None and self._client is client:
            self._client = None
            await abandon(client)
            await stop_client(client)

    async def probe(self) -> None:
        """Raises Transient unless a broker answers now."""
        with translated():
            client = await self._current()
            if not await client.client.force_metadata_update():
                raise Transient("kafka: no broker answers")

    async def stop(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await stop_client(client)


def _acknowledged(metadata: RecordMetadata) -> Acknowledged:
    return Acknowledged(Partition(metadata.topic, metadata.partition), metadata.offset, metadata.timestamp or 0)
