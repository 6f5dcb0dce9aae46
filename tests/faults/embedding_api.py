"""An embedding API that misbehaves, end to end: a real service asks a server that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from services.embedding.local import WordLlamaEmbedder
from shared.topics import CHUNKS_PROCESSED
from tests.faults.cases import Act, Case
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

TIMEOUT = 2.0
TIMES = 3
POISON = "poisonous"
OUTAGE = "an outage: asked again until the answer is good, nothing dead-lettered"
REFUSED = "the one text is a dead letter and its document fails; its neighbours have their vectors"


def cases() -> list[Case]:
    misbehaviour: dict[str, Answer] = {
        "429 with Retry-After": error(429, "slow down", Retry_After="1"),
        "429, the quota is used up": error(429, "no money", "insufficient_quota"),
        "500": error(500, "oops"),
        "503": error(503, "restarting"),
        "401": error(401, "bad key"),
        "no answer in time": _never,
        "too few vectors": _short,
        "the same index twice": _twice,
        "vectors of another dimension": _other_dimension,
        "slow drip: a reply in pieces over 5 s": _drip,
        "the connection breaks off in the reply": _broken_off,
        "an answer that isn't JSON": _no_json,
    }
    outages = [
        Case(
            "embedding API",
            "embedding",
            fault,
            OUTAGE,
            partial(misbehaving, answer),
            quick=fault == "429 with Retry-After",
        )
        for fault, answer in misbehaviour.items()
    ]
    refusals: dict[str, Answer] = {
        "400 on one input of a batch": _refuse,
        "NaN for one input of a batch": _not_a_number,
    }
    return [
        *outages,
        Case("embedding API", "embedding", "vectors in another order", "put right by their index", misordered),
        *(
            Case("embedding API", "embedding", fault, REFUSED, partial(poisoned, answer))
            for fault, answer in refusals.items()
        ),
    ]


async def misbehaving(answer: Answer, act: Act) -> None:
    """A few times, then it is well again."""

    async def at_first(body: dict[str, Any]) -> Response:
        return await (answer if len(server.requests) <= TIMES else well)(body)

    async with api_server() as server:
        server.answer = at_first
        await _with(server, act)
        assert len(server.requests) > TIMES


async def misordered(act: Act) -> None:
    async def backwards(body: dict[str, Any]) -> Response:
        return reply([item(place, numbers(text)) for place, text in enumerate(body["input"])][::-1])

    async with api_server() as server:
        server.answer = backwards
        await _with(server, act)
    with act.world.mongo() as database:
        for row in database.embeddings.find({"company_id": act.truth.company}):
            text = database.chunks.find_one({"_id": row["_id"]})["text"]
            assert row["vector"].as_vector().data == numbers(text), "a vector of another text"


async def poisoned(answer: Answer, act: Act) -> None:
    async with api_server() as server:
        server.answer = answer
        act.world.stop("embedding")  # nobody else is to embed it
        letter = ("embedding", CHUNKS_PROCESSED.name)
        await act.load.upload(f"A {POISON} text.".encode(), "bad.txt", code="embedding_rejected", letter=letter)
        await _with(server, act)


async def _with(server: ApiServer, act: Act) -> None:
    """The load with this server as the provider, under the name of the model that the collection is of; afterwards the
    service is as it was."""
    env = {
        "CAUCE_EMBEDDING_PROVIDER": "openai",
        "CAUCE_EMBEDDING_TIMEOUT_SECONDS": str(TIMEOUT),
        "CAUCE_EMBEDDING_MODEL": WordLlamaEmbedder.model,
        "CAUCE_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        "OPENAI_API_KEY": "secret",
        "OPENAI_BASE_URL": server.url,
    }
    await act.world.restart("embedding", env)
    await act.load.send()
    await act.settled()
    await act.world.restart("embedding")


# ---- answers ---------------------------------------------------------------------------------------------------------


async def _never(body: dict[str, Any]) -> Response:
    await asyncio.sleep(2 * TIMEOUT)
    return await well(body)


async def _short(body: dict[str, Any]) -> Response:
    return reply([item(place, numbers(text)) for place, text in enumerate(body["input"][:-1])])


async def _twice(body: dict[str, Any]) -> Response:
    return reply([item(0, numbers(text)) for text in (*body["input"], "")])


async def _other_dimension(body: dict[str, Any]) -> Response:
    return reply([item(place, [*numbers(text), 1.0]) for place, text in enumerate(body["input"])])


async def _drip(body: dict[str, Any]) -> Response:
    whole = bytes((await well(body)).body)
    step = len(whole) // 10 + 1

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), step):
            yield whole[start : start + step]
            await asyncio.sleep(0.5)

    return StreamingResponse(pieces(), media_type="application/json")


async def _broken_off(body: dict[str, Any]) -> Response:
    whole = bytes((await well(body)).body)
    return Response(whole[: len(whole) // 2], media_type="application/json")


async def _no_json(_: dict[str, Any]) -> Response:
    return Response("<html>a proxy's page</html>", media_type="text/html")


async def _refuse(body: dict[str, Any]) -> Response:
    if any(POISON in text for text in body["input"]):
        return JSONResponse({"error": {"message": "this text is refused", "param": "input"}}, 400)
    return await well(body)


async def _not_a_number(body: dict[str, Any]) -> Response:
    vectors = [[float("nan")] * DIMENSIONS if POISON in text else numbers(text) for text in body["input"]]
    return reply([item(place, values) for place, values in enumerate(vectors)])
