"""Values that are well formed enough to come far into the gateway, and then are at the edge of what Python can do."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.api_gateway.app import api
from shared.contracts.documents import Counts, Stage, State
from tests.services.api_gateway.test_dead_letters import fail
from tests.services.api_gateway.world import OPERATOR_KEY, World, status

DOCUMENT = "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"
LONE = "\ud800"
DIGITS = "9" * 5000


def cursor(value: str) -> str:
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


CURSORS = [
    cursor(value)
    for value in (
        "null",
        "{}",
        "[" * 6000,
        DIGITS,
        f'["2026-01-02T03:04:05Z","docproc/documents.raw/0/{DIGITS}"]',
        '["0001-01-01T00:00:00+14:00","a/b/0/1"]',
        f'["0001-01-01T00:00:00+14:00","{DOCUMENT}"]',
        f'["x","",1e999,"{DOCUMENT}"]',
        '["movie_metrics_1m","2026-01-02T03:04:00Z",NaN]',
        '["movie_metrics_1m","2026-01-02T03:04:00Z",1e999]',
        '["movie_metrics_1m","2026-01-02T03:04:00Z",' + "9" * 400 + "]",
        '["movie_metrics_1m","2026-01-02T03:04:00Z",true]',
        '["movie_metrics_1m","2026-01-02T03:04:00Z","\\ud800"]',
    )
]
VALUES = [
    "",
    "\0",
    "-1",
    DIGITS,
    "1e999",
    "NaN",
    "٣",
    "a" * 10_000,
    "../..",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "9" * 30 + "d",
    "%00",
    "docproc/documents.raw/0/" + DIGITS,
    *CURSORS,
]


def places() -> Iterator[Any]:
    """Every parameter of every address that is read."""
    for path, item in api().openapi()["paths"].items():
        for parameter in item.get("get", {}).get("parameters", []):
            where, name = parameter["in"], parameter["name"]
            yield pytest.param(path, where, name, id=f"{path} {name}")


@pytest.fixture
async def operator(world: World) -> AsyncIterator[httpx.AsyncClient]:
    world.store.add(status(DOCUMENT, State.COMPLETE, Stage.EMBEDDING, company_id="operations", counts=Counts(chunks=1)))
    world.view.close()
    world.gateway.live.close()
    async with world.client(OPERATOR_KEY) as client:
        yield client


@pytest.mark.parametrize(("path", "where", "name"), list(places()))
async def test_no_value_of_a_parameter_breaks_anything(
    operator: httpx.AsyncClient, path: str, where: str, name: str
) -> None:
    """Whatever a path, a query or a header says is answered or refused, never with a 500."""
    known = {"stream": "ratings", "document_id": DOCUMENT, "identity": "docproc/documents.raw/3/42"}
    for value in VALUES:
        filled = {key: quote(value if (where, name) == ("path", key) else text) for key, text in known.items()}
        query = {name: value} if where == "query" else {}
        headers = {name: quote(value)} if where == "header" else {}
        for extra in ({}, {"table": "movie_metrics_1m"} if name != "table" else {}):
            response = await operator.get(path.format(**filled), params=query | extra, headers=headers)
            assert response.status_code < 500, (value[:80], response.text)


BODIES: list[Any] = [
    "{}",
    "null",
    "0",
    '"x"',
    DIGITS,
    '{"identities": 5}',
    '{"identities": true}',
    '{"identities": {}}',
    '{"identities": [5]}',
    '{"identities": [["a", "b", 0, 1]]}',
    '{"identities": ["\\ud800"]}',
    '{"identities": ["\\ud800/b/0/1"]}',
    f'{{"identities": ["a/b/0/{DIGITS}"]}}',
    '{"\\ud800": 1}',
    '{"filter": {"\\ud800": 1}}',
    '{"filter": {"since": "0001-01-01T00:00:00+14:00"}}',
    '{"filter": {"since": "9999-12-31T23:59:59-14:00"}}',
    '{"filter": {"since": 1e999}}',
    '{"filter": {"since": NaN}}',
    '{"filter": {"key": "\\ud800"}}',
    '{"filter": {}, "limit": 1e999}',
    '{"filter": {}, "reason": "\\ud800"}',
    '{"filter": {}, "reason": "\\u0000"}',
    '{"filter": {}, "patch": {"a": "\\ud800"}}',
    '{"filter": {}, "patch": {"\\ud800": 1}}',
    '{"filter": {}, "patch": {"a": NaN}}',
    '{"filter": {}, "patch": {"a": 1e999}}',
    '{"filter": {}, "patch": ' + '{"a":' * 900 + "1" + "}" * 900 + "}",
    '{"filter": {}, "patch": ' + '{"a":' * 200 + "1" + "}" * 200 + "}",
]


@pytest.mark.parametrize("order", ["redrive", "discard"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:60].encode("ascii", "replace").decode())
async def test_no_order_breaks_anything(world: World, operator: httpx.AsyncClient, order: str, body: str) -> None:
    """An order is carried out or refused, never with a 500, and the letters can be read afterwards."""
    fail(world, 1)
    headers = {"Content-Type": "application/json"}
    for given in (body, _with_reason(body)):
        response = await operator.post(f"/dead-letters/{order}", content=given, headers=headers)
        assert response.status_code < 500, response.text
        assert (await operator.get("/dead-letters", params={"state": "open"})).status_code == 200


def _with_reason(body: str) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps({"reason": "so", **value}) if isinstance(value, dict) else body


@pytest.mark.parametrize("field", ["userId", "movieId", "rating", "timestamp", LONE, "\0", ""])
@pytest.mark.parametrize("value", ["\\ud800", "\\u0000", 0, -1, 2**63, 1e300, True, None, [], {}, DIGITS[:400]])
async def test_no_event_breaks_anything(operator: httpx.AsyncClient, field: str, value: Any) -> None:
    """An event is taken or refused, as one, as an array and as a line."""
    event = {"userId": 1, "movieId": 1, "rating": 4.5, "timestamp": 0, field: value}
    text = json.dumps(event).replace("\\\\u", "\\u")
    for body, kind in ((text, "application/json"), (f"[{text}]", "application/json"), (text, "application/x-ndjson")):
        response = await operator.post("/events/ratings", content=body, headers={"Content-Type": kind})
        assert response.status_code in {202, 400, 422}, response.text
