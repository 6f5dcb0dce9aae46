"""`DELETE /documents/{id}`: announced, answered, and told of afterwards."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from shared.contracts.documents import Receipt, Stage, State
from shared.contracts.ids import named_document_id
from tests.services.api_gateway.test_uploads import is_problem
from tests.services.api_gateway.world import ACME, OTHER_KEY, World, status

NAMED = "/documents/by-name/reports/q1"


async def uploaded(client: httpx.AsyncClient, *contents: bytes) -> str:
    for content in contents:
        response = await client.put(NAMED, content=content)
        assert response.status_code == 202
    return named_document_id(ACME, "reports/q1")


async def test_a_deletion_is_announced_with_every_object(world: World, client: httpx.AsyncClient) -> None:
    """The event names the objects of all versions; readers don't see the document from the answer on."""
    document_id = await uploaded(client, b"old", b"new")
    response = await client.delete(f"/documents/{document_id}")
    assert response.status_code == 202
    accepted, (old, new, deletion) = response.json(), world.uploads
    assert (deletion.operation, deletion.objects) == ("delete", (old.s3_path, new.s3_path))
    assert (accepted["state"], accepted["version"]) == ("deleting", 2)
    assert response.headers["location"] == accepted["status_url"] == f"/documents/{document_id}"
    told = (await client.get(f"/documents/{document_id}")).json()
    assert (told["state"], told["stage"], told["current"], told["receipt"]) == ("deleting", "api_gateway", None, None)


@pytest.mark.parametrize("path", [NAMED, f"/documents/{named_document_id(ACME, 'reports/q1')}"])
async def test_a_second_deletion_changes_nothing(world: World, client: httpx.AsyncClient, path: str) -> None:
    """By its name or its id: repeating it is safe, and does not cost the receipt."""
    await uploaded(client, b"old")
    first = await client.delete(path)
    second = await client.delete(path)
    assert (second.status_code, second.json()) == (202, first.json())
    assert len(world.uploads) == 2


async def test_the_receipt(world: World, client: httpx.AsyncClient) -> None:
    """It says what was removed, and which topics hold what until when."""
    document_id = await uploaded(client, b"old")
    await client.delete(NAMED)
    end = status(document_id, State.DELETED, Stage.DB_WRITER, version=1)
    world.store.add(end.model_copy(update={"receipt": Receipt(objects=1, chunks=4, vectors=3)}))
    receipt = (await client.get(f"/documents/{document_id}")).json()["receipt"]
    assert (receipt["objects"], receipt["chunks"], receipt["vectors"]) == (1, 4, 3)
    remains = {one["topic"]: one["until"] for one in receipt["remains"]}
    assert set(remains) >= {"uploads.received", "chunks.processed", "chunks.processed.dlq", "embeddings.ready"}
    until = end.at + timedelta(days=30 + 7)
    assert remains["chunks.processed"].startswith(f"{until:%Y-%m-%dT%H:%M:%S}")


async def test_what_is_not_there_cannot_be_deleted(world: World, client: httpx.AsyncClient) -> None:
    """Another company's document is not there either."""
    document_id = await uploaded(client, b"old")
    other = {"Authorization": f"Bearer {OTHER_KEY}"}
    is_problem(await client.delete(f"/documents/{document_id}", headers=other), 404, "no_such_document")
    is_problem(await client.delete(NAMED, headers=other), 404, "no_such_document")
    is_problem(await client.delete("/documents/nonsense"), 404, "no_such_document")
    assert len(world.uploads) == 1


async def test_broker_away(world: World, client: httpx.AsyncClient) -> None:
    """A 503 says that it may still happen, and when to come again."""
    document_id = await uploaded(client, b"old")
    await client.get(f"/documents/{document_id}")
    world.broker.away = True
    response = await client.delete(f"/documents/{document_id}")
    is_problem(response, 503, "not_acknowledged")
    assert int(response.headers["retry-after"]) >= 1
