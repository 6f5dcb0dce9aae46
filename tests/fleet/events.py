"""Sending events to a fleet, and waiting for what must become of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from tests.fleet.harness import Fleet

Event = Mapping[str, Any]


async def post(fleet: Fleet, stream: str, events: Iterable[Event], **query: str) -> dict[str, Any]:
    """As NDJSON, in one request; all must be accepted."""
    body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    async with fleet.client() as client:
        answer = await client.post(
            f"/events/{stream}", content=body, params=query, headers={"Content-Type": "application/x-ndjson"}
        )
    return told(answer)


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def verified(fleet: Fleet, *streams: str, seconds: int = 60) -> str:
    """Waits until `cauce verify` finds no difference; returns what it said."""
    code, said = fleet.cauce("verify", *streams, "--wait", str(seconds))
    assert code == 0, said
    return said
