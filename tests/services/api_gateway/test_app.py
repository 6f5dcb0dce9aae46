from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.services.api_gateway.world import ACME_KEY, World

ADDRESSES = [
    ("POST", "/upload"),
    ("PUT", "/documents/by-name/a"),
    ("GET", "/documents"),
    ("GET", "/documents/x"),
    ("DELETE", "/documents/x"),
    ("DELETE", "/documents/by-name/a"),
    ("GET", "/documents/x/chunks"),
    ("GET", "/documents/x/text"),
    ("GET", "/documents/x/events"),
    ("POST", "/events/ratings"),
    ("GET", "/streams"),
    ("GET", "/streams/ratings/windows"),
    ("GET", "/streams/ratings/top"),
    ("GET", "/streams/ratings/live"),
    ("GET", "/streams/ratings/readings"),
    ("GET", "/streams/ratings/stats"),
    ("GET", "/metrics/health"),
    ("GET", "/metrics/summary"),
    ("GET", "/metrics/topn"),
    ("GET", "/overview"),
    ("GET", "/fleet"),
    ("GET", "/dead-letters"),
    ("GET", "/dead-letters/stats"),
    ("GET", "/dead-letters/docproc/documents.raw/3/42"),
    ("POST", "/dead-letters/redrive"),
    ("POST", "/dead-letters/discard"),
]
NO_KEYS: list[dict[str, str]] = [
    {},
    {"X-API-Key": "wrong"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic eDp5"},
    {"Authorization": "Bearer"},
    {"X-API-Key": ""},
]
NEEDS_NOBODY = {"/streams", "/streams/{stream}/live", "/metrics/health"}


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
async def test_no_key_or_a_wrong_one(world: World, method: str, path: str) -> None:
    """Without a known key every address of the API answers 401 and says how to send one."""
    async with world.client(None) as client:
        for headers in NO_KEYS:
            response = await client.request(method, path, headers=headers)
            assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
            assert response.headers["www-authenticate"].startswith('Bearer realm="cauce"')
    assert world.stored_files == []


async def test_key_in_either_header(world: World) -> None:
    """Both ways to send a key do."""
    async with world.client(None) as client:
        for headers in ({"X-API-Key": ACME_KEY}, {"Authorization": f"bearer {ACME_KEY}"}):
            assert (await client.get("/documents", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/live", "/ready", "/metrics", "/openapi.json", "/docs"])
async def test_open_to_all(world: World, path: str) -> None:
    """Probes and the description need no key."""
    await world.tail.caught_up(1)
    async with world.client(None) as client:
        assert (await client.get(path)).status_code == 200


async def test_docs_need_no_other_server(client: httpx.AsyncClient) -> None:
    """The page and all that it loads come from the gateway itself."""
    page = (await client.get("/docs")).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    assert "://" not in page
    for path in loaded:
        assert (await client.get(path)).status_code == 200


async def test_ready_says_what_is_away(world: World, client: httpx.AsyncClient) -> None:
    """The gateway runs while its dependencies are away, and names them."""
    await world.tail.caught_up(1)
    world.broker.away = world.store.away = world.windows.away = True
    response = await client.get("/ready")
    assert response.status_code == 503
    assert set(response.json()["problems"]) == {"kafka", "mongodb", "mysql"}
    assert (await client.get("/live")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/documents", 405, "method_not_allowed"),
        ("GET", "/upload", 405, "method_not_allowed"),
        ("POST", "/live", 405, "method_not_allowed"),
    ],
)
async def test_unknown_addresses_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """No address and no method answers in another form."""
    response = await client.request(method, path)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert (problem["code"], problem["instance"], problem["status"]) == (code, path, status)


async def test_a_bug_tells_nothing(world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong inside stays inside."""

    async def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(world.store, "documents", broken)
    response = await client.get("/documents")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in response.text
    assert "Traceback" not in response.text


async def test_requests_are_counted_by_route(client: httpx.AsyncClient) -> None:
    """Labels are templates: an id never becomes one."""
    await client.get("/documents/00000000-0000-0000-0000-000000000000")
    await client.get("/nothing-at-all")
    page = (await client.get("/metrics")).text
    assert 'cauce_http_requests_total{method="GET",route="/documents/{document_id}",status="404"}' in page
    assert "nothing-at-all" not in page


def problem_schemas(operation: dict[str, Any]) -> set[str]:
    return {
        status
        for status, response in operation["responses"].items()
        if "application/problem+json" in response.get("content", {})
    }


async def test_openapi_documents_requests_and_problems(client: httpx.AsyncClient) -> None:
    """Every operation names its problems, uploads their form, and the answers carry examples."""
    described = (await client.get("/openapi.json")).json()
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    assert len(operations) == len(ADDRESSES)
    for path, item in described["paths"].items():
        for operation in item.values():
            assert {"401"} | ({"503"} if path not in NEEDS_NOBODY else set()) <= problem_schemas(operation)
    form = described["paths"]["/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["file"]["format"] == "binary"
    assert described["components"]["schemas"]["DocumentView"]["properties"]["state"]["examples"] == ["complete"]
    assert all(operation["security"] for operation in operations)
    assert "HTTPValidationError" not in str(described["paths"])
