from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from services.api_gateway.store import Content
from shared.contracts.documents import Counts, Reason, Stage, State
from shared.documents import fold
from tests.services.api_gateway.world import OTHER, OTHER_KEY, World, chunk, status
from tests.services.api_gateway.world import world as make

ID = str(uuid4())


async def upload(client: httpx.AsyncClient, content: bytes = b"x") -> str:
    response = await client.post("/upload", files={"file": ("a.txt", content)})
    return str(response.json()["document_id"])


async def test_status_is_readable_right_after_the_202(world: World, client: httpx.AsyncClient) -> None:
    """The answer's own address tells the state at once, although no store knows the document yet."""
    accepted = (await client.post("/upload", files={"file": ("a.txt", b"x")})).json()
    view = (await client.get(accepted["status_url"])).json()
    assert (view["state"], view["stage"], view["version"]) == ("received", "api_gateway", accepted["version"])
    assert (view["sha256"], view["size_bytes"], view["filename"]) == (accepted["sha256"], 1, "a.txt")
    assert [(m["stage"], m["state"]) for m in view["timeline"]] == [("api_gateway", "received")]
    assert view["current"] is None
    assert (await client.get(view["links"]["chunks"])).json()["chunks"] == []


async def test_status_waits_for_a_tail_that_is_behind(world: World, client: httpx.AsyncClient) -> None:
    """On a miss the answer waits until everything that was in the topic has been read."""
    world.source.held = True
    document_id = await upload(client)
    asyncio.get_running_loop().call_later(0.1, setattr, world.source, "held", False)
    assert (await client.get(f"/documents/{document_id}")).status_code == 200


async def test_unknown_document(client: httpx.AsyncClient) -> None:
    """What isn't there, and what can't even be an id, is a 404 with a problem."""
    for document_id in (ID, "by-name", "x" * 1000, ID.upper()):
        response = await client.get(f"/documents/{document_id}")
        assert (response.status_code, response.json()["code"]) == (404, "no_such_document")


async def test_another_companys_document_is_not_there(world: World, client: httpx.AsyncClient) -> None:
    """Status, chunks and events of another company's document answer exactly as if there were none."""
    document_id = await upload(client)
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER))
    async with world.client(OTHER_KEY) as other:
        for known in (document_id, ID):
            for suffix in ("", "/chunks", "/events"):
                assert (await other.get(f"/documents/{known}{suffix}")).status_code == 404
        assert (await other.get("/documents")).json()["documents"] == []


async def test_store_and_tail_are_joined(world: World, client: httpx.AsyncClient) -> None:
    """The store's history and the tail's news make one document: the older content stays current meanwhile."""
    old = status(ID, State.COMPLETE, Stage.DB_WRITER, version=3, counts=Counts(pages=1, chunks=2, vectors=2))
    world.store.add(old)
    world.tell(status(ID, State.PROCESSING, Stage.DOCPROC, version=9, minute=5, sha256="b" * 64))
    await world.tail.caught_up(1)
    view = (await client.get(f"/documents/{ID}")).json()
    assert (view["version"], view["state"], view["sha256"]) == (9, "processing", "b" * 64)
    assert view["current"] == {"version": 3, "sha256": "a" * 64, "counts": {"pages": 1, "chunks": 2, "vectors": 2}}
    assert [moment["version"] for moment in view["timeline"]] == [3, 9]


async def test_reason_of_a_failure(world: World, client: httpx.AsyncClient) -> None:
    """A failed document says why."""
    world.store.add(
        status(ID, State.FAILED, Stage.DOCPROC, reason=Reason(code="encrypted", message="it has a password"))
    )
    view = (await client.get(f"/documents/{ID}")).json()
    assert view["reason"] == {"code": "encrypted", "message": "it has a password"}


async def test_store_away_the_tail_answers(world: World, client: httpx.AsyncClient) -> None:
    """A document of the last minutes is readable without the store; an older one is a 503, never a 404."""
    document_id = await upload(client)
    world.store.away = True
    assert (await client.get(f"/documents/{document_id}")).status_code == 200
    response = await client.get(f"/documents/{ID}")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert (await client.get("/documents")).status_code == 503


async def test_tail_away_the_store_answers(world: World, client: httpx.AsyncClient) -> None:
    """With the broker away a stored document is readable; of an unknown one nobody can tell: 503, not 404."""
    world.broker.away = True
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER))
    assert (await client.get(f"/documents/{ID}")).json()["state"] == "complete"
    response = await client.get(f"/documents/{uuid4()}")
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")


async def pages(client: httpx.AsyncClient, url: str, items: str) -> list[dict[str, object]]:
    found, cursor = [], ""
    while cursor is not None:
        page = (await client.get(url + (f"&cursor={cursor}" if cursor else ""))).json()
        assert len(page[items]) <= 3
        found += page[items]
        cursor = page["next_cursor"]
    return found


async def test_documents_are_paged_newest_first(world: World, client: httpx.AsyncClient) -> None:
    """Each document is on exactly one page, those received in the same moment too, and the filter holds on every."""
    ids = [str(uuid4()) for _ in range(10)]
    for number, document_id in enumerate(ids):
        state = State.FAILED if number % 2 else State.COMPLETE
        world.store.add(status(document_id, state, Stage.DB_WRITER, minute=number // 3))
    world.store.add(status(str(uuid4()), State.COMPLETE, Stage.DB_WRITER, company_id=OTHER))
    found = await pages(client, "/documents?limit=3", "documents")
    assert sorted(str(d["document_id"]) for d in found) == sorted(ids)
    received = [str(d["received_at"]) for d in found]
    assert received == sorted(received, reverse=True)
    failed = await pages(client, "/documents?limit=3&state=failed", "documents")
    assert {d["document_id"] for d in failed} == set(ids[1::2])


async def test_chunks_are_paged_in_order(world: World, client: httpx.AsyncClient) -> None:
    """The chunks of the current content come in the order of the text, and those of another content don't."""
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER, counts=Counts(chunks=7)))
    world.store.parts[ID, Content("a" * 64)] = [chunk(index, 7) for index in reversed(range(7))]
    world.store.parts[ID, Content("b" * 64)] = [chunk(50, 51)]
    found = await pages(client, f"/documents/{ID}/chunks?limit=3", "chunks")
    assert [c["chunk_index"] for c in found] == list(range(7))
    assert found[0]["text"] == "text 0"
    page = (await client.get(f"/documents/{ID}/chunks")).json()
    assert (page["sha256"], page["total"], page["version"]) == ("a" * 64, 7, 0)


async def test_chunks_of_one_chunker(world: World, client: httpx.AsyncClient) -> None:
    """While the same bytes are cut anew, readers see the cut that is complete and nothing of the other."""
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER, chunker="f1"))
    world.store.add(status(ID, State.PROCESSING, Stage.DOCPROC, version=1, chunker="f2"))
    world.store.parts[ID, Content("a" * 64, "f1")] = [chunk(0, 2), chunk(1, 2)]
    world.store.parts[ID, Content("a" * 64, "f2")] = [chunk(2, 3)]
    seen = (await client.get(f"/documents/{ID}/chunks")).json()["chunks"]
    assert [c["chunk_index"] for c in seen] == [0, 1]
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER, version=1, chunker="f2"))
    seen = (await client.get(f"/documents/{ID}/chunks")).json()["chunks"]
    assert [c["chunk_index"] for c in seen] == [2]


@pytest.mark.parametrize(("sha256", "chunker"), [("b" * 64, "f1"), ("a" * 64, "f2")])
async def test_chunks_of_a_content_that_was_replaced_while_reading(
    world: World, client: httpx.AsyncClient, sha256: str, chunker: str
) -> None:
    """Pages never mix two contents, nor two cuts of one: the reader is told to begin again."""
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER, chunker="f1"))
    world.store.parts[ID, Content("a" * 64, "f1")] = [chunk(index, 3) for index in range(3)]
    cursor = (await client.get(f"/documents/{ID}/chunks?limit=1")).json()["next_cursor"]
    assert (await client.get(f"/documents/{ID}/chunks?cursor={cursor}")).status_code == 200
    world.store.add(status(ID, State.COMPLETE, Stage.DB_WRITER, version=1, sha256=sha256, chunker=chunker))
    response = await client.get(f"/documents/{ID}/chunks?cursor={cursor}")
    assert (response.status_code, response.json()["code"]) == (409, "content_changed")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "state=done",
        "cursor=!",
        "cursor=bm90IGpzb24",
        "cursor=W10",
        "cursor=WzEsMl0",
        "cursor=%C3%A9",
        f"cursor={'a' * 600}",
        "cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgIngiXQ",
        "cursor=WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgIngiXQ",
    ],
)
async def test_bad_query_is_explained(client: httpx.AsyncClient, query: str) -> None:
    """A parameter that can't be used is a 422, never a bug."""
    response = await client.get(f"/documents?{query}")
    assert (response.status_code, response.headers["content-type"]) == (422, "application/problem+json")


async def test_nothing_is_known_before_the_tail_runs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A gateway that was started without a broker doesn't say that a document isn't there."""
    world = make(tmp_path_factory.mktemp("objects"))
    async with world.client() as client:
        assert (await client.get(f"/documents/{ID}")).status_code == 503
        world.store.known[ID] = fold(None, status(ID, State.COMPLETE, Stage.DB_WRITER))
        assert (await client.get(f"/documents/{ID}")).status_code == 200
