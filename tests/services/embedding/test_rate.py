"""The real client and the embedder against a server that grants so many tokens a second, on a clock that jumps."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from openai import AsyncOpenAI

from services.embedding.batching import BYTES_PER_TOKEN
from services.embedding.remote import OpenAIEmbedder
from services.embedding.throttle import Throttle
from shared.errors import Transient
from tests.services.embedding.api_server import item
from tests.services.embedding.clock import in_no_time
from tests.services.embedding.granting import Bucket

RATE = 20_000.0
TEXT = "x" * 1_000
BATCH, BATCHES = 256, 8
WARM_UP, MEASURED = 30.0, 60.0


@dataclass
class Api:
    """A server on that clock. Each answer takes `latency` seconds; its tokens are of `token_bytes`."""

    bucket: Bucket
    latency: float = 0.1
    token_bytes: float = 4.2
    retry_after: str | None = None
    most_at_once: int = 10**9
    under_way: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    async def serve(self, request: httpx2.Request) -> httpx2.Response:
        texts = json.loads(request.content)["input"]
        self.under_way += 1
        try:
            return await self._answer(texts)
        finally:
            self.under_way -= 1

    async def _answer(self, texts: list[str]) -> httpx2.Response:
        tokens = sum(int(len(text) / self.token_bytes) for text in texts)
        await asyncio.sleep(self.latency * self.chance.uniform(0.25, 0.75))
        room = self.under_way <= self.most_at_once
        granted = self.bucket.take(tokens if room else float("inf"), asyncio.get_running_loop().time())
        headers = dict(self.bucket.headers())
        await asyncio.sleep(self.latency * self.chance.uniform(0.25, 0.75))
        if not granted:
            again = {} if self.retry_after is None else {"retry-after": self.retry_after}
            return httpx2.Response(429, json={"error": {"message": "slow down"}}, headers={**headers, **again})
        data = [item(place, [1.0, 2.0]) for place in range(len(texts))]
        return httpx2.Response(200, json={"data": data, "usage": {"prompt_tokens": tokens}}, headers=headers)


@asynccontextmanager
async def embedders(api: Api, processes: int = 1) -> AsyncIterator[list[OpenAIEmbedder]]:
    """Each with a throttle of its own, as processes have. A first request is made, since the client needs a thread."""
    transport = httpx2.MockTransport(api.serve)
    async with httpx2.AsyncClient(transport=transport) as http:
        made = []
        for _ in range(processes):
            latency, api.latency = api.latency, 0.0
            client = AsyncOpenAI(api_key="k", base_url="http://api/v1", max_retries=0, http_client=http)
            made.append(OpenAIEmbedder(client, "m", throttle=Throttle(32, patience=1e9)))
            await made[-1].embed(["a"])
            api.latency = latency
        yield made


async def steadily(api: Api, processes: int = 1) -> tuple[float, float]:
    """With as much to do as they can: the part of the grant that was used, and of the requests that was refused."""
    async with embedders(api, processes) as made:

        async def feed(embedder: OpenAIEmbedder) -> None:
            while True:
                await embedder.embed([TEXT] * BATCH)

        feeding = [asyncio.create_task(feed(one)) for one in made for _ in range(BATCHES)]
        await asyncio.sleep(WARM_UP + api.bucket.size / api.bucket.rate)
        before = (api.bucket.granted, api.bucket.requests, api.bucket.refusals)
        await asyncio.sleep(MEASURED)
        granted, asked, refused = (
            now - then
            for now, then in zip((api.bucket.granted, api.bucket.requests, api.bucket.refusals), before, strict=True)
        )
        for task in feeding:
            task.cancel()
        await asyncio.wait(feeding)
    return granted / (MEASURED * api.bucket.rate), refused / asked


@pytest.mark.parametrize("latency", [0.05, 0.5])
@pytest.mark.parametrize("seconds", [0.5, 1, 5, 60])
def test_what_headers_tell_is_used_in_full(seconds: float, latency: float) -> None:
    """Whatever the size of the server's bucket: at least 95 % of the rate, and fewer than one refusal in a hundred."""
    used, refused = in_no_time(steadily(Api(Bucket(RATE, seconds * RATE), latency)))
    assert used >= 0.95
    assert refused < 0.01


@pytest.mark.parametrize("retry_after", [None, "1"])
@pytest.mark.parametrize("seconds", [1, 5, 60])
def test_refusals_alone_tell_the_rate(seconds: float, retry_after: str | None) -> None:
    """From a server without headers at least 90 % of its rate, with a refusal now and then."""
    used, refused = in_no_time(steadily(Api(Bucket(RATE, seconds * RATE, tells=False), retry_after=retry_after)))
    assert used >= 0.9
    assert refused < 0.05


@pytest.mark.parametrize("tells", [True, False])
def test_processes_share_a_key_without_knowing_of_each_other(tells: bool) -> None:
    """Three of them take all that is granted, and are refused now and then."""
    used, refused = in_no_time(steadily(Api(Bucket(RATE, 5 * RATE, tells=tells)), processes=3))
    assert used >= 0.95
    assert refused < 0.06


def test_a_server_that_takes_few_requests_at_once_is_found_out() -> None:
    """Where requests at once are what is refused, they become fewer; without a storm."""
    api = Api(Bucket(1e9, 1e9, tells=False), latency=0.5, most_at_once=3)
    _, refused = in_no_time(steadily(api))
    assert api.bucket.granted / (MEASURED + WARM_UP) > 2_000
    assert refused < 0.1


def test_a_larger_grant_is_found_out() -> None:
    """Once nobody refuses any more, it is asked for more and more: the tenfold rate within two minutes."""

    async def raised() -> float:
        api = Api(Bucket(RATE / 10, RATE / 10, tells=False))
        async with embedders(api) as (embedder,):

            async def feed() -> None:
                while True:
                    await embedder.embed([TEXT] * BATCH)

            feeding = [asyncio.create_task(feed()) for _ in range(BATCHES)]
            await asyncio.sleep(60)
            api.bucket.rate, api.bucket.size = RATE, RATE
            await asyncio.sleep(120)
            before = api.bucket.granted
            await asyncio.sleep(30)
            for task in feeding:
                task.cancel()
            await asyncio.wait(feeding)
        return (api.bucket.granted - before) / (30 * RATE)

    assert in_no_time(raised()) > 0.85


def test_a_pause_holds_everybody_back() -> None:
    """After a refusal nobody asks before the time that the server named."""

    async def asked_at() -> list[float]:
        bucket = Bucket(RATE, RATE, tells=False)
        api = Api(bucket, latency=0.01, retry_after="10")
        times: list[float] = []
        async with embedders(api) as (embedder,):
            bucket.level = 0.0
            serve = api.serve

            async def noted(request: httpx2.Request) -> httpx2.Response:
                times.append(asyncio.get_running_loop().time())
                return await serve(request)

            api.serve = noted  # type: ignore[method-assign]
            embedder._client._client._transport.handler = noted  # type: ignore[attr-defined]
            bucket.at = asyncio.get_running_loop().time()
            await asyncio.gather(*(embedder.embed([TEXT] * 20) for _ in range(10)))
        return times

    times = in_no_time(asked_at())
    first = [time for time in times if time < 1]
    assert len(first) <= 4
    assert min(time for time in times if time >= 1) >= 10


def test_a_bucket_smaller_than_a_request_is_no_outage() -> None:
    """Requests become smaller until they fit, in one go where the headers tell, else by halves."""

    async def seconds(tells: bool) -> float:
        api = Api(Bucket(500, 500, tells=tells))
        async with embedders(api) as (embedder,):
            began = asyncio.get_running_loop().time()
            await embedder.embed([TEXT] * 40)
            return asyncio.get_running_loop().time() - began

    needed = 40 * int(1_000 / 4.2) / 500
    assert in_no_time(seconds(True)) < 1.5 * needed + 5
    assert in_no_time(seconds(False)) < 3 * needed + 20


def test_a_long_wait_is_told() -> None:
    """When the headers say that nothing is left for longer than there is patience, it is an outage of that length."""

    async def wait() -> float | None:
        api = Api(Bucket(1, 1_000))
        async with embedders(api) as (embedder,):
            embedder._throttle._patience = 30.0
            try:
                for _ in range(20):
                    await embedder.embed(["x" * int(100 * BYTES_PER_TOKEN)])
            except Transient as error:
                return error.retry_after
        return None

    assert (in_no_time(wait()) or 0) > 30
