"""The real `openai` client against a local server that speaks its API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from services.embedding.batching import RequestLimits
from services.embedding.embedder import Vectors
from services.embedding.remote import OpenAIEmbedder
from services.embedding.throttle import Throttle
from shared.errors import Code, Permanent, Transient
from tests.services.embedding.api_server import (
    DIMENSIONS,
    Answer,
    ApiServer,
    api_server,
    error,
    item,
    numbers,
    reply,
    well,
)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with api_server() as running:
        yield running


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="secret", base_url=server.url, timeout=0.5, max_retries=0) as opened:
        yield opened


async def test_it_asks_for_base64_and_reads_it(server: ApiServer, client: AsyncOpenAI) -> None:
    """Vectors come back as the server packed them, and the request names model, format and key."""
    vectors = (await OpenAIEmbedder(client, "m").embed(["a", "bcd"])).vectors
    assert vectors.tolist() == [numbers("a"), numbers("bcd")]
    assert server.requests == [{"input": ["a", "bcd"], "model": "m", "encoding_format": "base64"}]
    assert server.headers["authorization"] == "Bearer secret"


async def test_dimensions_are_asked_for_where_set(server: ApiServer, client: AsyncOpenAI) -> None:
    """A configured number of dimensions is sent, and the reply must have it."""
    await OpenAIEmbedder(client, "m", DIMENSIONS).embed(["a"])
    assert server.requests[0]["dimensions"] == DIMENSIONS
    with pytest.raises(Transient, match=f"{DIMENSIONS} dimensions instead of 8"):
        await OpenAIEmbedder(client, "m", 8).embed(["a"])


async def test_the_index_decides_the_order(server: ApiServer, client: AsyncOpenAI) -> None:
    """A reply in another order than the request's is put right."""

    async def backwards(body: dict[str, Any]) -> Response:
        return reply([item(place, numbers(text)) for place, text in enumerate(body["input"])][::-1])

    server.answer = backwards
    assert (await OpenAIEmbedder(client, "m").embed(["a", "bb", "ccc"])).vectors[:, 0].tolist() == [1, 2, 3]


async def test_plain_lists_are_read_too(server: ApiServer, client: AsyncOpenAI) -> None:
    """A server that ignores `encoding_format` and sends numbers is understood."""

    async def plain(body: dict[str, Any]) -> Response:
        return reply([{"index": place, "embedding": numbers(text)} for place, text in enumerate(body["input"])])

    server.answer = plain
    assert (await OpenAIEmbedder(client, "m").embed(["bb"])).vectors.tolist() == [numbers("bb")]


OUTAGES: dict[str, tuple[Answer, str]] = {
    "quota": (error(429, "you are broke", "insufficient_quota"), "quota is used up"),
    "key": (error(401, "bad key"), "OPENAI_API_KEY"),
    "forbidden": (error(403, "not for you"), "OPENAI_API_KEY"),
    "model": (error(404, "no such model"), "CAUCE_EMBEDDING_MODEL"),
    "conflict": (error(409, "later"), "HTTP 409"),
    "broken": (error(500, "oops"), "HTTP 500: oops"),
    "away": (error(503, "restarting"), "HTTP 503"),
}


@pytest.mark.parametrize("name", OUTAGES)
async def test_outages_are_transient(server: ApiServer, client: AsyncOpenAI, name: str) -> None:
    """Whatever is no fault of the text is an outage, says what to mend, and is asked only once."""
    server.answer, words = OUTAGES[name]
    with pytest.raises(Transient, match=words):
        await OpenAIEmbedder(client, "m").embed(["a"])
    assert len(server.requests) == 1


async def test_a_429_is_waited_out(server: ApiServer, client: AsyncOpenAI) -> None:
    """The embedder asks again when it may, and tells how often it was refused and how long it waited."""
    busy = error(429, "slow down", retry_after="0.2")

    async def twice_busy(body: dict[str, Any]) -> Response:
        return await (busy if len(server.requests) <= 2 else well)(body)

    server.answer = twice_busy
    embedded = await OpenAIEmbedder(client, "m").embed(["a"])
    assert embedded.vectors.tolist() == [numbers("a")]
    (asked,) = embedded.asked
    assert asked.refusals == 2
    assert 0.4 <= asked.waited < 5


async def test_too_long_a_wait_is_an_outage(server: ApiServer, client: AsyncOpenAI) -> None:
    """A server that wants to be left alone for longer than there is patience is an outage, of the time that it named;
    whoever asks meanwhile is told without asking the server."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.answer = error(429, "slow down", retry_after=date)
    embedder = OpenAIEmbedder(client, "m")
    with pytest.raises(Transient, match="patience: HTTP 429: slow down") as caught:
        await embedder.embed(["a"])
    assert 57 <= (caught.value.retry_after or 0) <= 60
    with pytest.raises(Transient, match="nothing more"):
        await embedder.embed(["a"])
    assert len(server.requests) == 1


async def test_a_server_that_always_refuses_is_an_outage(server: ApiServer, client: AsyncOpenAI) -> None:
    """Without a time from the server, the pauses grow until the patience is used up."""
    server.answer = error(429, "slow down")
    with pytest.raises(Transient, match="HTTP 429"):
        await OpenAIEmbedder(client, "m", throttle=Throttle(4, patience=1.2)).embed(["a"])
    assert len(server.requests) == 2


async def test_a_503_says_when_to_come_back(server: ApiServer, client: AsyncOpenAI) -> None:
    """Retry-After of another outage is for the consume loop, which waits so long."""
    server.answer = error(503, "restarting", retry_after="7")
    with pytest.raises(Transient) as caught:
        await OpenAIEmbedder(client, "m").embed(["a"])
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_refused_text_is_permanent(server: ApiServer, client: AsyncOpenAI, status: int) -> None:
    """A refusal of the content is the record's fault, with the server's words."""
    server.answer = error(status, "maximum context length is 8192 tokens")
    with pytest.raises(Permanent, match="8192 tokens") as caught:
        await OpenAIEmbedder(client, "m").embed(["a"])
    assert caught.value.code is Code.EMBEDDING_REJECTED


async def test_a_refused_setting_is_an_outage(server: ApiServer, client: AsyncOpenAI) -> None:
    """A 400 about what we configured is nobody's text's fault: it would turn a whole topic into dead letters."""

    async def refuse(_: dict[str, Any]) -> Response:
        return JSONResponse({"error": {"message": "no such size", "param": "dimensions"}}, 400)

    server.answer = refuse
    with pytest.raises(Transient, match="check CAUCE_EMBEDDING_MODEL and _DIMENSIONS"):
        await OpenAIEmbedder(client, "m").embed(["a"])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
async def test_a_vector_that_is_not_finite_is_the_texts_fault(
    server: ApiServer, client: AsyncOpenAI, number: float
) -> None:
    """The loop then halves the batch, so that the neighbours get their vectors."""

    async def odd(_: dict[str, Any]) -> Response:
        return reply([item(0, [1.0, 2.0]), item(1, [1.0, number])])

    server.answer = odd
    with pytest.raises(Permanent, match="no finite vector") as caught:
        await OpenAIEmbedder(client, "m").embed(["a", "b"])
    assert caught.value.code is Code.EMBEDDING_REJECTED


async def test_an_empty_text_is_not_sent(server: ApiServer, client: AsyncOpenAI) -> None:
    """The API refuses empty strings, so they are refused before it is asked."""
    with pytest.raises(Permanent, match="empty"):
        await OpenAIEmbedder(client, "m").embed(["a", " \n"])
    assert server.requests == []


async def test_a_slow_server_is_an_outage(server: ApiServer, client: AsyncOpenAI) -> None:
    """No answer within the client's timeout is transient."""

    async def slow(body: dict[str, Any]) -> Response:
        await asyncio.sleep(1)
        return await well(body)

    server.answer = slow
    with pytest.raises(Transient, match="does not answer"):
        await OpenAIEmbedder(client, "m").embed(["a"])


async def test_a_reply_that_drips_is_an_outage(server: ApiServer, client: AsyncOpenAI) -> None:
    """A piece now and then keeps the client's own timeout from ending it: the whole request has a deadline too."""

    async def drip(_: dict[str, Any]) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield b" "
                await asyncio.sleep(0.1)

        return StreamingResponse(pieces())

    server.answer = drip
    with pytest.raises(Transient, match="takes longer than"):
        await OpenAIEmbedder(client, "m", deadline=0.6).embed(["a"])


async def test_no_server_is_an_outage() -> None:
    """A refused connection is transient."""
    async with AsyncOpenAI(api_key="x", base_url="http://127.0.0.1:9/v1", timeout=0.5, max_retries=0) as client:
        with pytest.raises(Transient, match="does not answer"):
            await OpenAIEmbedder(client, "m").embed(["a"])


GOOD = item(0, [1.0, 2.0])
NONSENSE = {
    "too few": [GOOD],
    "none": [],
    "too many": [GOOD, item(1, [1.0, 2.0]), item(2, [1.0, 2.0])],
    "an index twice": [GOOD, GOOD],
    "a wrong index": [GOOD, item(5, [1.0, 2.0])],
    "other dimensions": [GOOD, item(1, [1.0])],
    "half a number": [{"index": 0, "embedding": "AAAAAAA="}, {"index": 1, "embedding": "AAAAAAA="}],
    "not base64": [GOOD, {"index": 1, "embedding": "***"}],
    "no dimensions": [{"index": 0, "embedding": ""}, {"index": 1, "embedding": ""}],
    "no vector": [GOOD, {"index": 1}],
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_a_wrong_reply_is_an_outage(server: ApiServer, client: AsyncOpenAI, name: str) -> None:
    """A reply that doesn't fit its request never becomes a vector, nor a dead letter."""

    async def nonsense(_: dict[str, Any]) -> Response:
        return reply(NONSENSE[name])

    server.answer = nonsense
    with pytest.raises(Transient):
        await OpenAIEmbedder(client, "m").embed(["a", "b"])


@pytest.mark.parametrize("body", [PlainTextResponse("hello"), JSONResponse({"data": None}), JSONResponse([1])])
async def test_what_is_no_reply_is_an_outage(server: ApiServer, client: AsyncOpenAI, body: Response) -> None:
    """A 200 from something that doesn't speak the API is transient, and says so."""

    async def other(_: dict[str, Any]) -> Response:
        return body

    server.answer = other
    with pytest.raises(Transient, match="can't be read"):
        await OpenAIEmbedder(client, "m").embed(["a"])


async def test_large_batches_become_several_requests(server: ApiServer, client: AsyncOpenAI) -> None:
    """More inputs than a request may hold are sent in parts, and come back in order."""
    texts = ["x" * (place % 7 + 1) for place in range(205)]
    embedded = await OpenAIEmbedder(client, "m", limits=RequestLimits(inputs=100)).embed(texts)
    assert sorted(len(request["input"]) for request in server.requests) == [5, 100, 100]
    assert np.array_equal(embedded.vectors[:, 0], [len(text) for text in texts])
    assert sorted(place for asked in embedded.asked for place in asked.places) == list(range(205))


@pytest.mark.parametrize("status", [400, 413])
async def test_a_request_that_is_too_large_is_divided(server: ApiServer, client: AsyncOpenAI, status: int) -> None:
    """Where the server counts more tokens than were estimated, the request is halved until it fits."""

    async def at_most_ten(body: dict[str, Any]) -> Response:
        if len(body["input"]) <= 10:
            return await well(body)
        return await error(status, "max 10 tokens per request", "max_tokens_per_request")(body)

    server.answer = at_most_ten
    texts = [f"text {place}" for place in range(64)]
    embedded = await OpenAIEmbedder(client, "m").embed(texts)
    assert np.array_equal(embedded.vectors[:, 0], [len(text) for text in texts])


async def test_a_text_that_is_too_long_fails_alone(server: ApiServer, client: AsyncOpenAI) -> None:
    """It goes in a request of its own, so that what it is refused with is no other text's; theirs are kept."""

    async def no_long_ones(body: dict[str, Any]) -> Response:
        if any(len(text) > 50_000 for text in body["input"]):
            return await error(400, "maximum context length is 8192 tokens")(body)
        return await well(body)

    kept: list[int] = []

    async def keep(places: Sequence[int], vectors: Vectors) -> None:
        kept.extend(places)

    server.answer = no_long_ones
    with pytest.raises(Permanent, match="8192 tokens"):
        await OpenAIEmbedder(client, "m").embed(["a", "b", "x" * 60_000, "c"], keep)
    assert sorted(len(request["input"]) for request in server.requests) == [1, 1, 2]
    assert sorted(kept) == [0, 1, 3]


@pytest.mark.parametrize("usage", [None, {"prompt_tokens": 12}, {"prompt_tokens": "many"}, 7])
async def test_tokens_are_told_as_the_server_counts_them(server: ApiServer, client: AsyncOpenAI, usage: object) -> None:
    """A server that doesn't count, or not in numbers, is no failure."""

    async def counted(body: dict[str, Any]) -> Response:
        return JSONResponse({"data": [item(0, numbers("a"))], "usage": usage})

    server.answer = counted
    (asked,) = (await OpenAIEmbedder(client, "m").embed(["a"])).asked
    assert asked.tokens == (12 if usage == {"prompt_tokens": 12} else None)
