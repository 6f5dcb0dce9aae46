"""The loop that a careful person writes by hand on confluent-kafka, whose client is C and has threads of its own."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer  # type: ignore[import-not-found]

from benchmarks.loop_work import Place, decode, encode, handle, place

AT_ONCE = 5_000


def run(where: Place) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": where.servers,
            "group.id": where.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "max.partition.fetch.bytes": 4 * 1024 * 1024,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": where.servers,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "batch.size": 1024 * 1024,
            "partitioner": "murmur2_random",
        }
    )
    consumer.subscribe([where.source])
    while True:
        fetched = consumer.consume(AT_ONCE, timeout=0.5)
        for message in fetched:
            if message.error():
                raise KafkaException(message.error())
            answer = handle(decode(message.value()))
            producer.produce(where.target, encode(answer), answer.key, on_delivery=delivered)
            producer.poll(0)
        producer.flush()
        if fetched:
            consumer.commit(asynchronous=False)


def delivered(error: KafkaError | None, _message: Message) -> None:
    """Raised from `poll` or `flush`, hence before the commit."""
    if error is not None:
        raise KafkaException(error)


if __name__ == "__main__":
    run(place())
