"""`GET /documents/{id}/text`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from services.api_gateway.store import Content
from shared.contracts.documents import DocumentStatus, Stage, State
from shared.errors import Transient
from shared.objects import PIECE
from shared.texts import text_path
from tests.services.api_gateway.world import OTHER_KEY, World, chunk, status

ID = str(uuid4())
URL = f"/documents/{ID}/text"
TEXT = "# Ríos\n\nA bed is where a river lies 🏞️.\n"


async def store(world: World, path: str, text: str = TEXT) -> None:
    async with world.gateway.objects.writer(path) as writer:
        await writer.write(text.encode())


def complete(version: int = 0, chunker: str | None = "f1", s3_path: str | None = "acme/x") -> DocumentStatus:
    told = status(ID, State.COMPLETE, Stage.DB_WRITER, version=version, chunker=chunker)
    return told.model_copy(update={"s3_path": s3_path})


@pytest.mark.parametrize("size", [1, PIECE])
async def test_the_text_of_a_complete_document(world: World, client: httpx.AsyncClient, size: int) -> None:
    """It comes as it was extracted, in UTF-8, and the document links to it."""
    world.store.add(complete())
    text = TEXT * (1 + size // len(TEXT))
    await store(world, text_path("acme/x", "f1"), text)
    response = await client.get((await client.get(f"/documents/{ID}")).json()["links"]["text"])
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert response.content == text.encode()


async def test_ranges_of_chunks_point_into_it(world: World, client: httpx.AsyncClient) -> None:
    """They count code points: what Python's own strings count."""
    world.store.add(complete())
    world.store.parts[ID, Content("a" * 64, "f1")] = [chunk(0, 1)]
    await store(world, text_path("acme/x", "f1"), "text 0")
    [part] = (await client.get(f"/documents/{ID}/chunks")).json()["chunks"]
    assert (await client.get(URL)).text[part["char_start"] : part["char_end"]] == part["text"]


async def test_a_text_that_is_known_is_not_sent_again(world: World, client: httpx.AsyncClient) -> None:
    """Its tag changes with the content and with the chunker."""
    world.store.add(complete())
    await store(world, text_path("acme/x", "f1"))
    tag = (await client.get(URL)).headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await client.get(URL, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    world.store.add(complete(version=1, chunker="f2"))
    await store(world, text_path("acme/x", "f2"), "new")
    assert (await client.get(URL, headers={"If-None-Match": tag})).text == "new"


async def test_the_text_is_that_of_the_current_content(world: World, client: httpx.AsyncClient) -> None:
    """While a newer version is on its way, or has failed, readers see the one before."""
    world.store.add(complete())
    await store(world, text_path("acme/x", "f1"), "old")
    newer = status(ID, State.FAILED, Stage.DOCPROC, version=5, chunker="f1").model_copy(update={"s3_path": "acme/y"})
    world.store.add(newer)
    await store(world, text_path("acme/y", "f1"), "new")
    assert (await client.get(URL)).text == "old"


async def test_a_completion_that_says_no_path(world: World, client: httpx.AsyncClient) -> None:
    """Parts that an older release passed on don't say where the original is; the document's own facts do."""
    world.store.add(status(ID, State.PROCESSING, Stage.DOCPROC), complete(s3_path=None))
    await store(world, text_path("acme/x", "f1"))
    assert (await client.get(URL)).text == TEXT


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([status(ID, State.PROCESSING, Stage.DOCPROC)], "not_complete"),
        ([complete(chunker=None)], "no_text"),
        ([complete(s3_path=None)], "no_text"),
        ([complete()], "no_text"),
        ([], "no_such_document"),
    ],
)
async def test_no_text_is_explained(
    world: World, client: httpx.AsyncClient, statuses: list[DocumentStatus], code: str
) -> None:
    """Before the first complete version, of an older release, after the object has gone, and where there is nothing."""
    world.store.add(*statuses)
    response = await client.get(URL)
    assert (response.status_code, response.json()["code"]) == (404, code)
    assert response.headers["content-type"] == "application/problem+json"


async def test_another_companys_text_is_not_there(world: World) -> None:
    """It answers as if there were none."""
    world.store.add(complete())
    await store(world, text_path("acme/x", "f1"))
    async with world.client(OTHER_KEY) as other:
        assert (await other.get(URL)).json()["code"] == "no_such_document"


async def test_an_object_store_that_is_away(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a 503, which asks to try again, and no 404."""

    async def away(path: str) -> AsyncIterator[bytes]:
        raise Transient("the object store is away")
        yield b""

    monkeypatch.setattr(world.gateway.objects, "read", away)
    world.store.add(complete())
    assert (await client.get(URL)).status_code == 503


async def test_warnings_are_shown(world: World, client: httpx.AsyncClient) -> None:
    """What could not be read of the newest version is said with the document."""
    told = status(ID, State.PROCESSING, Stage.DOCPROC).model_copy(update={"warnings": ("page 2 left out",)})
    world.store.add(told)
    assert (await client.get(f"/documents/{ID}")).json()["warnings"] == ["page 2 left out"]
