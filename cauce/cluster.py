"""Which servers the verbs speak to: those that the environment names, else the fleet of this folder."""

from __future__ import annotations

import os

from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from compose.local.state import running_state
from compose.local.stored import Stores
from shared.kafka.client import Connection
from shared.objects import Objects
from shared.settings import CommonSettings, load
from shared.streams.declaration import Stream
from shared.streams.loading import load_streams


def cluster() -> tuple[Connection, int]:
    """The connection, and the replication factor that topics shall have. Raises LocalStackError where there is none."""
    common = load(CommonSettings)
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return Connection(common.kafka_bootstrap_servers, "cauce"), common.replication_factor
    return Connection(running_state(LocalSettings().layout.state).endpoints.kafka, "cauce"), 1


def stores() -> Stores:
    """Raises LocalStackError where there are none."""
    mysql, mongodb = os.environ.get("CAUCE_MYSQL_URL"), os.environ.get("CAUCE_MONGODB_URL")
    if mysql and mongodb:
        return Stores(mysql, mongodb, os.environ.get("CAUCE_MONGODB_DATABASE", "cauce"))
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise LocalStackError(
            "the environment names a Kafka cluster, but not its stores", advice="set CAUCE_MYSQL_URL, CAUCE_MONGODB_URL"
        )
    where = running_state(LocalSettings().layout.state).endpoints
    return Stores(where.mysql_url, where.mongodb_url, where.mongodb_database)


def objects() -> Objects:
    """Where the documents' bytes are. Raises LocalStackError where nobody says it."""
    if url := os.environ.get("CAUCE_OBJECT_STORE_URL"):
        return Objects(url)
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise LocalStackError(
            "the environment names a Kafka cluster, but not its object store", advice="set CAUCE_OBJECT_STORE_URL"
        )
    layout = LocalSettings().layout
    running_state(layout.state)
    return Objects(f"file://{layout.objects}")


def gateway_url() -> str:
    """Of the fleet that is asked, to make paths into links; empty where nobody names it."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return os.environ.get("CAUCE_GATEWAY_URL", "")
    return running_state(LocalSettings().layout.state).endpoints.gateway_url


def declared_streams() -> tuple[Stream, ...]:
    """Raises BadDeclaration."""
    return load_streams(load(CommonSettings).streams_dir)


def stream_named(name: str) -> Stream:
    """Raises LocalStackError that lists what there is."""
    streams = {stream.name: stream for stream in declared_streams()}
    if name not in streams:
        raise LocalStackError(f"no stream is called `{name}`", advice=f"there are: {', '.join(streams) or 'none'}")
    return streams[name]
