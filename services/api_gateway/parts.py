"""What the routes work with, put together by `bootstrap.build` and reached through the app's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.api_gateway.events import Events
from services.api_gateway.fleet_view import FleetView
from services.api_gateway.handlers import Uploads
from services.api_gateway.live_view import LiveView
from services.api_gateway.reader import DocumentReader
from services.api_gateway.readings_store import ReadingsStore
from services.api_gateway.room import Room
from services.api_gateway.store import DocumentStore
from services.api_gateway.stream_stats import StreamStats
from services.api_gateway.tail import Tail
from services.api_gateway.upload_log import UploadLog
from services.api_gateway.window_store import WindowStore
from shared.dead_letters.acting import Operations
from shared.dead_letters.desk import Desk
from shared.objects import Objects
from shared.streams.declaration import Stream


@dataclass(frozen=True, slots=True)
class Limits:
    """`upload_bytes` of one file, `json_bytes` of events as one JSON array; `idle` in seconds, how long a body may send
    nothing."""

    upload_bytes: int = 100 * 1024 * 1024
    json_bytes: int = 16 * 1024 * 1024
    idle: float = 60.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """`api_keys` maps the SHA-256 of a key, in hex, to its company; `operator_keys` are those of the operators;
    `streams` holds the declarations by name."""

    api_keys: Mapping[str, str]
    objects: Objects
    uploads: Uploads
    upload_log: UploadLog
    upload_room: Room
    reader: DocumentReader
    store: DocumentStore
    streams: Mapping[str, Stream]
    events: Events
    windows: WindowStore
    readings: ReadingsStore
    live: LiveView
    metrics: Tail
    stats: StreamStats
    fleet: FleetView
    desk: Desk
    operations: Operations
    operator_keys: frozenset[str] = frozenset()
    limits: Limits = Limits()


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayParts = Annotated[Gateway, Depends(gateway_of)]
