"""`make bench-embedding`: how much of the rate that an API grants is used, and how often it has to refuse.

Local servers speak the API over HTTP; each grants a fixed rate of tokens. One tells of it in its headers, one only by
refusing, and one more is asked by three embedders with one key that don't know of each other. All are asked at once, by
the real client, for as much as they will take.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI
from starlette.responses import JSONResponse, Response

from benchmarks.console import say
from services.embedding.remote import AT_ONCE, PATIENCE, OpenAIEmbedder
from services.embedding.throttle import Throttle
from tests.services.embedding.api_server import api_server, item
from tests.services.embedding.granting import Bucket

RATE = 20_000
BUCKET_SECONDS = 5
LATENCY_S = 0.2
TOKEN_BYTES = 4.2
TEXT = "a river keeps to its bed " * 40
BATCH, BATCHES = 256, 8
WARM_UP_S, MEASURED_S = 25, 25


@dataclass(frozen=True)
class Case:
    name: str
    tells: bool
    embedders: int
    least_used: float
    most_refused: float


CASES = (
    Case("headers tell what is left", tells=True, embedders=1, least_used=0.95, most_refused=0.01),
    Case("only refusals tell", tells=False, embedders=1, least_used=0.90, most_refused=0.05),
    Case("headers, and three embedders with one key", tells=True, embedders=3, least_used=0.95, most_refused=0.05),
)


async def _measure(case: Case) -> bool:
    loop = asyncio.get_running_loop()
    bucket = Bucket(RATE, BUCKET_SECONDS * RATE, tells=case.tells, at=loop.time())

    async def answer(body: dict[str, Any]) -> Response:
        await asyncio.sleep(LATENCY_S / 2)
        tokens = sum(int(len(text) / TOKEN_BYTES) for text in body["input"])
        granted, headers = bucket.take(tokens, loop.time()), dict(bucket.headers())
        await asyncio.sleep(LATENCY_S / 2)
        if not granted:
            return JSONResponse({"error": {"message": "slow down"}}, 429, headers)
        data = [item(place, [1.0] * 256) for place in range(len(body["input"]))]
        return JSONResponse({"data": data, "usage": {"prompt_tokens": tokens}}, headers=headers)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(api_server())
        server.answer = answer
        feeding = []
        for _ in range(case.embedders):
            client = AsyncOpenAI(api_key="k", base_url=server.url, timeout=30, max_retries=0)
            await stack.enter_async_context(client)
            embedder = OpenAIEmbedder(client, "m", throttle=Throttle(AT_ONCE, patience=PATIENCE))
            feeding += [asyncio.create_task(_feed(embedder)) for _ in range(BATCHES)]
        await asyncio.sleep(WARM_UP_S)
        granted, asked, refused, began = bucket.granted, bucket.requests, bucket.refusals, loop.time()
        server.requests.clear()
        await asyncio.sleep(MEASURED_S)
        used = (bucket.granted - granted) / (RATE * (loop.time() - began))
        asked, refused = bucket.requests - asked, bucket.refusals - refused
        for task in feeding:
            task.cancel()
        await asyncio.wait(feeding)
    met = used >= case.least_used and refused <= case.most_refused * asked
    say(
        f"{case.name:44} {used:6.1%} of the rate, {refused:3} of {asked:4} requests refused "
        f"(aim: {case.least_used:.0%}, at most {case.most_refused:.0%}: {'met' if met else 'missed'})"
    )
    return met


async def _feed(embedder: OpenAIEmbedder) -> None:
    while True:
        await embedder.embed([TEXT] * BATCH)


async def main() -> None:
    say(f"servers that grant {RATE} tokens/s and answer after {LATENCY_S} s, for {MEASURED_S} s after {WARM_UP_S} s")
    met = await asyncio.gather(*map(_measure, CASES))
    sys.exit(not all(met))


if __name__ == "__main__":
    asyncio.run(main())
