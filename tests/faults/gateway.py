"""The door: whatever a sender was promised by a 202 ends in the stores, however the gateway or its broker ends."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import partial
from typing import Any

import httpx

from compose.local.remembered import key_digest
from shared.topics import UPLOADS_RECEIVED
from tests.faults.cases import Act, Case
from tests.faults.crash_points import EXPECTED, FIRES_WITHIN
from tests.faults.links import Mode, Side, Trap
from tests.faults.load import text_of
from tests.faults.network import TROUBLES, Trouble
from tests.faults.truth import Expected

KEY = "the-key-of-the-case"
UPLOADS = 10
HOP = "api_gateway"
SAFE_TO_REPEAT = "the sender hears 503 or nothing, repeats, and has one document"


def cases() -> list[Case]:
    crashes = [
        Case(
            kind="crash point",
            part=HOP,
            fault=f"SIGKILL {side} the acknowledgement of: publish",
            expected=f"{EXPECTED[side]}: {SAFE_TO_REPEAT}".replace("the record is read again: ", ""),
            cause=partial(crash, side),
            quick=side is Side.AFTER,
        )
        for side in Side
    ]
    network = [
        Case(
            "network",
            f"{HOP} to kafka",
            f"{trouble.fault}, for {trouble.seconds:g} s",
            SAFE_TO_REPEAT,
            partial(suffer, trouble),
        )
        for trouble in TROUBLES
    ]
    return [*crashes, *network]


async def crash(side: Side, act: Act) -> None:
    world = act.world
    await own_key(act)
    trap = Trap(lambda request: UPLOADS_RECEIVED.name in request.names, side, lambda: world.strike(HOP))
    world.proxy.arm(world.links[HOP, "kafka"], trap)
    sending = asyncio.create_task(uploads(act))
    assert await asyncio.to_thread(trap.sprung.wait, FIRES_WITHIN), "the gateway never published"
    await own_key(act)
    await sending
    await world.restart(HOP)


async def suffer(trouble: Trouble, act: Act) -> None:
    world, link = act.world, act.world.links[HOP, "kafka"]
    await own_key(act)
    sending = asyncio.create_task(uploads(act))
    await asyncio.sleep(0.3)
    world.proxy.set(link, trouble.mode)
    await asyncio.sleep(trouble.seconds)
    world.proxy.set(link, Mode.PASS)
    await sending
    await world.restart(HOP)


async def own_key(act: Act) -> None:
    """The case's company has a key of its own until the next start; nobody waits long for an acknowledgement."""
    keys = json.dumps({key_digest(KEY): act.truth.company})
    await act.world.restart(HOP, {"CAUCE_API_KEYS": keys, "CAUCE_PUBLISH_DEADLINE_SECONDS": "2"})


async def uploads(act: Act) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=act.world.endpoints.gateway_url, headers=headers, timeout=30) as client:
        for number in range(UPLOADS):
            words = tuple(f"u{number}x{place}" for place in range(8))
            content = text_of(words)
            answer = await _insist(client, content, f"{number}.txt")
            sha256 = hashlib.sha256(content).hexdigest()
            expected = Expected(answer["version"], sha256, words, repeated=True)
            act.truth.documents[answer["document_id"]] = expected
            await asyncio.sleep(0.2)


async def _insist(client: httpx.AsyncClient, content: bytes, name: str) -> dict[str, Any]:
    async with asyncio.timeout(90):
        while True:
            try:
                answer = await client.post("/upload", files={"file": (name, content)})
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                return dict(answer.json())
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            await asyncio.sleep(0.3)
