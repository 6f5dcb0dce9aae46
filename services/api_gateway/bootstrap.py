"""Puts the gateway together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.api_gateway.app import create
from services.api_gateway.handlers import NAME, Uploads
from services.api_gateway.mongo import MongoStore
from services.api_gateway.parts import Gateway, Limits
from services.api_gateway.reader import DocumentReader
from services.api_gateway.settings import GatewaySettings
from services.api_gateway.status_tail import StatusTail
from services.api_gateway.status_view import StatusView
from shared.kafka.client import Connection, KafkaProducer, KafkaTail
from shared.objects import Objects
from shared.runtime.health import Health
from shared.runtime.service import Service
from shared.topics import DOCUMENTS_STATUS


async def _nothing() -> None:
    """The gateway serves also while its dependencies are away: it says so with a 503 where it needs them."""


@asynccontextmanager
async def build(settings: GatewaySettings) -> AsyncIterator[Service]:
    connection = Connection(settings.kafka_bootstrap_servers, NAME)
    objects = Objects(settings.object_store_url)
    producer = KafkaProducer(
        connection, deadline=0.8 * settings.publish_deadline_seconds
    )  # to give up before the caller
    store = MongoStore(settings.mongodb_url.get_secret_value(), settings.mongodb_database)
    view = StatusView(settings.status_tail_documents)
    tail = StatusTail(KafkaTail(connection, DOCUMENTS_STATUS.name), view, settings.status_tail_minutes)
    gateway = Gateway(
        api_keys=settings.api_keys,
        objects=objects,
        uploads=Uploads(producer, settings.publish_deadline_seconds),
        reader=DocumentReader(view, tail, store),
        store=store,
        limits=Limits(settings.max_upload_bytes, settings.upload_idle_seconds),
    )
    health = Health(NAME, checks={"kafka": tail.probe, "mongodb": store.ping, "object store": objects.probe})
    app = create(gateway, health)
    try:
        yield Service(
            health, settings.http_host, settings.http_port, _nothing, jobs=(tail.run,), app=app, on_stop=view.close
        )
    finally:
        await producer.stop()
        store.close()
