"""What the routes work with, put together by `bootstrap.build` and reached through the app's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.api_gateway.handlers import Uploads
from services.api_gateway.reader import DocumentReader
from services.api_gateway.store import DocumentStore
from shared.objects import Objects


@dataclass(frozen=True, slots=True)
class Limits:
    """`upload_bytes` of one file; `idle` in seconds, how long an upload may send nothing."""

    upload_bytes: int = 100 * 1024 * 1024
    idle: float = 60.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """`api_keys` maps the SHA-256 of a key, in hex, to its company."""

    api_keys: Mapping[str, str]
    objects: Objects
    uploads: Uploads
    reader: DocumentReader
    store: DocumentStore
    limits: Limits = Limits()


def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


GatewayParts = Annotated[Gateway, Depends(gateway_of)]
