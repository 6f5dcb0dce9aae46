"""Quix Streams: an application of its usual form, with settings as large as the others' and a commit every 10,000."""

from __future__ import annotations

import tempfile

from quixstreams import Application  # type: ignore[import-not-found]

from benchmarks.loop_work import Place, decode, encode, handle, place


def run(where: Place, state: str) -> None:
    app = Application(
        broker_address=where.servers,
        consumer_group=where.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=10_000,
        state_dir=state,
        loglevel="WARNING",
        consumer_extra_config={"max.partition.fetch.bytes": 4 * 1024 * 1024},
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 5, "batch.size": 1024 * 1024},
    )
    source = app.topic(where.source, value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(where.target, value_serializer="bytes", key_serializer="bytes")
    app.dataframe(source).apply(lambda value: encode(handle(decode(value)))).to_topic(target)
    app.run()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(place(), folder)
