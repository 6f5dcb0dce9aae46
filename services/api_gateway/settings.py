"""What the gateway can be told."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from shared.settings import CommonSettings

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMPANY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"must be a JSON object of SHA-256 to company, and isn't JSON: {error.msg}") from None


def _listed(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(f"must be a JSON list of SHA-256, and isn't JSON: {error.msg}") from None


def _digests(keys: frozenset[str]) -> frozenset[str]:
    if not all(map(_SHA256.fullmatch, keys)):
        raise ValueError("a key must be given as the 64 lower-case hex digits of its SHA-256, not as itself")
    return keys


def _checked(keys: dict[str, str]) -> dict[str, str]:
    """A company id is also a folder's name in the object store, so it can't begin with a dot."""
    _digests(frozenset(keys))
    if not all(map(_COMPANY.fullmatch, keys.values())):
        raise ValueError("a company id has 1 to 64 letters, digits, `.`, `_` or `-`, and doesn't begin with `.`")
    return keys


ApiKeyTable = Annotated[dict[str, str], NoDecode, BeforeValidator(_decoded), AfterValidator(_checked)]
OperatorKeys = Annotated[frozenset[str], NoDecode, BeforeValidator(_listed), AfterValidator(_digests)]


class GatewaySettings(CommonSettings):
    """Sizes in bytes, times as their names say."""

    http_host: str = Field(default="127.0.0.1", description="where the API and /live, /ready, /metrics listen")
    http_port: int = Field(default=8000, ge=0, le=65535)
    object_store_url: str = Field(
        default="file:///var/lib/cauce/objects", description="file:///dir or s3://bucket/prefix"
    )
    mongodb_url: SecretStr = SecretStr("mongodb://localhost:27017")
    mongodb_database: str = "cauce"
    mysql_url: SecretStr = Field(
        default=SecretStr("mysql://cauce:cauce@localhost:3306/cauce"), description="mysql://user:password@host:port/db"
    )
    api_keys: ApiKeyTable = Field(default_factory=dict, repr=False, description="SHA-256 of a key, in hex: its company")
    operator_keys: OperatorKeys = Field(
        default_factory=frozenset,
        repr=False,
        description="JSON list of the SHA-256 of those keys that may see and redrive dead letters, of every company",
    )
    max_upload_bytes: int = Field(default=100 * 1024 * 1024, ge=1)
    uploads_in_flight_bytes: int = Field(
        default=512 * 1024 * 1024,
        ge=1,
        description="of uploads that come in at the same time, each its length, 20 MiB at most; beyond it comes a 429",
    )
    upload_idle_seconds: float = Field(default=60.0, gt=0, description="how long an upload may send nothing")
    publish_deadline_seconds: float = Field(default=10.0, gt=0, description="for the acknowledgement of an upload")
    events_deadline_seconds: float = Field(default=10.0, gt=0, description="for the acknowledgement of some events")
    events_in_flight_bytes: int = Field(
        default=64 * 1024 * 1024, ge=1, description="of events that are not acknowledged yet; beyond it comes a 429"
    )
    max_json_body_bytes: int = Field(
        default=16 * 1024 * 1024, ge=1, description="of events as one JSON array; NDJSON may be of any length"
    )
    sweep_every_seconds: float = Field(
        default=3600.0, ge=0, description="how often stored objects that no document needs are removed; 0: never"
    )
    sweep_age_seconds: float = Field(default=86400.0, gt=0, description="how old an object must be to be removed")
    status_tail_minutes: float = Field(default=15.0, gt=0, description="how far back statuses are read at the start")
    status_tail_documents: int = Field(default=50_000, ge=1, description="how many documents are kept in memory")
