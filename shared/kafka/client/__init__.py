"""The only room that knows aiokafka: the real transport, and the translation of its errors.

Its defaults are unsafe for what is promised here (acks=1, automatic commits, reading from the end), so every setting
that matters is named.
"""

from shared.kafka.client.admin import KafkaAdmin, Replication, TopicOnBroker
from shared.kafka.client.connection import Connection
from shared.kafka.client.consumer import KafkaConsumer
from shared.kafka.client.outbox import partition_of_key
from shared.kafka.client.producer import BATCH_BYTES, KafkaProducer
from shared.kafka.client.reading import first_timestamps, offset_ranges, offsets_at, read_from, timestamps_at
from shared.kafka.client.tail import KafkaTail

__all__ = [
    "BATCH_BYTES",
    "Connection",
    "KafkaAdmin",
    "KafkaConsumer",
    "KafkaProducer",
    "KafkaTail",
    "Replication",
    "TopicOnBroker",
    "first_timestamps",
    "offset_ranges",
    "offsets_at",
    "partition_of_key",
    "read_from",
    "timestamps_at",
]
