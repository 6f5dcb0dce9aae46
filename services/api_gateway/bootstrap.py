"""Puts the gateway together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api_gateway.app import create
from services.api_gateway.broker_clock import BrokerClocks, ClockProbe
from services.api_gateway.dead_letter_counts import DeadLetterCounts
from services.api_gateway.events import Events
from services.api_gateway.fleet_view import FleetView
from services.api_gateway.handlers import NAME, Uploads
from services.api_gateway.live_view import LiveView
from services.api_gateway.metrics_tail import MetricsTail
from services.api_gateway.mongo import MongoStore
from services.api_gateway.mysql import MySqlWindows
from services.api_gateway.parts import Gateway, Limits
from services.api_gateway.reader import DocumentReader
from services.api_gateway.reports_tail import ReportsTail
from services.api_gateway.room import Room
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from services.api_gateway.stream_stats import StreamStats
from services.api_gateway.sweeper import Sweeper
from services.api_gateway.topic_questions import KafkaQuestions
from services.api_gateway.upload_log import UploadLog
from shared.dead_letters.acting import Operations
from shared.dead_letters.desk import Desk
from shared.kafka.client import BATCH_BYTES, Connection, KafkaProducer, KafkaTail
from shared.kafka.client.identity import Identities
from shared.kafka.client.topic_watch import TopicWatch
from shared.kafka.durability import DurabilityWatch
from shared.objects import Objects
from shared.runtime.health import Check, Health
from shared.runtime.reporting import Reporter
from shared.runtime.service import Service
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams
from shared.streams.tables import tables
from shared.streams.topics import consumed_topics, input_topic
from shared.topics import DOCUMENTS_STATUS, FLEET_REPORTS, PIPELINE, PROCESSED_METRICS, UPLOADS_RECEIVED, Topic

MOST_LETTERS = 5_000
"""Of each topic that are listed: each look goes through all of them."""
SOONER = 0.8
"""A producer gives up before its caller does, who then knows why."""


@dataclass(frozen=True, slots=True)
class _Outside:
    """The clients of other processes, each connecting when it is needed; and what is declared."""

    connection: Connection
    objects: Objects
    uploads: KafkaProducer
    events: KafkaProducer
    letters: KafkaProducer
    mongo: MongoStore
    windows: MySqlWindows
    streams: Sequence[Stream]

    async def close(self) -> None:
        await self.uploads.stop()
        await self.events.stop()
        await self.letters.stop()
        await self.windows.close()
        self.mongo.close()


@dataclass(frozen=True, slots=True)
class _Tails:
    """What is read from Kafka all the time, and the views that it ends in."""

    statuses: StatusTail
    status_view: StatusView
    metrics: MetricsTail
    live: LiveView
    reports: ReportsTail

    def close(self) -> None:
        """Ends the streams of those who watch."""
        self.status_view.close()
        self.live.close()


async def _nothing() -> None:
    """The gateway serves also while its dependencies are away: it says so with a 503 where it needs them."""


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[Service]:
    outside = _outside(settings)
    tails = _tails(settings, outside)
    uploads = _upload_log(outside)
    durability = DurabilityWatch(outside.connection, _acknowledged_topics(outside.streams))
    clocks = BrokerClocks(outside.streams)
    health = Health(
        NAME,
        checks=_checks(outside, tails, uploads),
        facts={"durability": durability.fact},
        warners=[clocks.warnings],
    )
    reporter = Reporter(health, KafkaProducer(outside.connection))
    sweeper = _sweeper(settings, outside, uploads)
    try:
        yield Service(
            health=health,
            host=settings.http_host,
            port=settings.http_port,
            prepare=_nothing,
            jobs=(
                uploads.run,
                tails.statuses.run,
                tails.metrics.run,
                tails.reports.run,
                reporter.run,
                sweeper.run,
                durability.run,
                ClockProbe(clocks, KafkaProducer(outside.connection)).run,
            ),
            app=create(_gateway(settings, outside, tails, uploads, clocks), health),
            on_stop=tails.close,
        )
    finally:
        await outside.close()


def _upload_log(outside: _Outside) -> UploadLog:
    topics = [UPLOADS_RECEIVED.name]
    watch, ids = TopicWatch(outside.connection, topics), Identities(outside.connection, topics)
    return UploadLog(watch, ids, outside.mongo, NAME)


def _sweeper(settings: GatewaySettings, outside: _Outside, uploads: UploadLog) -> Sweeper:
    questions = KafkaQuestions(outside.connection)
    every, age = settings.sweep_every_seconds, settings.sweep_age_seconds
    return Sweeper(outside.objects, outside.mongo, questions, uploads, every=every, age=age)


def _acknowledged_topics(streams: Sequence[Stream]) -> list[str]:
    """Those in which a record must be before the gateway answers 202."""
    events = {input_topic(stream).name for stream in streams} - {topic.name for topic in PIPELINE}
    return [UPLOADS_RECEIVED.name, DOCUMENTS_STATUS.name, *sorted(events)]


def _outside(settings: GatewaySettings) -> _Outside:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    streams = load_streams(settings.streams_dir)
    return _Outside(
        connection=connection,
        objects=Objects(settings.object_store_url),
        uploads=KafkaProducer(connection, deadline=SOONER * settings.publish_deadline_seconds),
        events=_producer_of_events(connection, streams, SOONER * settings.events_deadline_seconds),
        letters=KafkaProducer(connection, batch_bytes=_least(consumed_topics(streams))),
        mongo=MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database),
        windows=MySqlWindows(settings.mysql_url.get_secret_value()),
        streams=streams,
    )


def _producer_of_events(connection: Connection, streams: Sequence[Stream], deadline: float) -> KafkaProducer:
    """A batch must fit into the topic that takes the least, since it is refused as a whole."""
    least = _least([input_topic(stream) for stream in streams])
    return KafkaProducer(connection, deadline=deadline, compression="lz4", batch_bytes=least)


def _least(topics: Sequence[Topic]) -> int:
    return min([BATCH_BYTES, *(topic.max_message_bytes for topic in topics)])


def _tails(settings: GatewaySettings, outside: _Outside) -> _Tails:
    view, live = StatusView(settings.status_tail_documents), LiveView()
    statuses = KafkaTail(outside.connection, DOCUMENTS_STATUS.name)
    rows = KafkaTail(outside.connection, PROCESSED_METRICS.name)
    return _Tails(
        statuses=StatusTail(statuses, view, settings.status_tail_minutes),
        status_view=view,
        metrics=MetricsTail(rows, live, tables(outside.streams)),
        live=live,
        reports=ReportsTail(KafkaTail(outside.connection, FLEET_REPORTS.name)),
    )


def _checks(outside: _Outside, tails: _Tails, uploads: UploadLog) -> dict[str, Check]:
    return {
        "kafka": tails.statuses.probe,
        "mongodb": outside.mongo.ping,
        "mysql": outside.windows.ping,
        "object store": outside.objects.probe,
        UPLOADS_RECEIVED.name: uploads.probe,
    }


def _gateway(
    settings: GatewaySettings, outside: _Outside, tails: _Tails, uploads: UploadLog, clocks: BrokerClocks
) -> Gateway:
    questions = KafkaQuestions(outside.connection)
    letters = DeadLetterCounts(questions)
    consumed = consumed_topics(outside.streams)
    dlq_topics = [topic.dlq.name for topic in consumed]
    desk = Desk(questions, consumed, most=MOST_LETTERS)
    return Gateway(
        api_keys=settings.api_keys,
        objects=outside.objects,
        uploads=Uploads(outside.uploads, uploads, settings.publish_deadline_seconds),
        upload_log=uploads,
        upload_room=Room(settings.uploads_in_flight_bytes),
        reader=DocumentReader(tails.status_view, tails.statuses, outside.mongo),
        store=outside.mongo,
        streams={stream.name: stream for stream in outside.streams},
        events=Events(outside.events, settings.events_deadline_seconds, Room(settings.events_in_flight_bytes), clocks),
        windows=outside.windows,
        readings=outside.mongo,
        live=tails.live,
        metrics=tails.metrics,
        stats=StreamStats(questions, tails.live, letters),
        fleet=FleetView(questions, letters, dlq_topics, tails.reports),
        desk=desk,
        operations=Operations(desk, outside.letters, outside.streams),
        operator_keys=settings.operator_keys,
        limits=Limits(settings.max_upload_bytes, settings.max_json_body_bytes, settings.upload_idle_seconds),
    )
