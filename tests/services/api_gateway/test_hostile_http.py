"""The gateway against bytes that no HTTP client would send."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest

from shared.runtime import http
from tests.services.api_gateway.attacks import (
    ATTACKS,
    BLOCK,
    CHUNKED,
    DEPARTURES,
    END,
    FILE,
    GOOD,
    Attack,
    Departure,
    chunk,
    form,
    get,
    head,
    length,
    named,
    part,
)
from tests.services.api_gateway.serving import Answer, Served, answer, heard, send, serving
from tests.services.api_gateway.world import LIMIT, World
from tests.services.api_gateway.world import world as make
from tests.waiting import until

SHORT = 0.2
SECONDS = 60.0
MEMORY = 24 * 1024 * 1024


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make(tmp_path / "objects")


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world) as started:
        yield started


@pytest.fixture(autouse=True)
def unworried(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No attack ends in a traceback, or in a task whose error nobody sees."""
    yield
    said = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [record.getMessage() for record in said if record.exc_info or record.levelno >= logging.ERROR] == []


async def asked(served: Served, pieces: Iterable[bytes]) -> Answer | None:
    """The first answer to `pieces`, whether or not all of them are taken."""
    reader, writer = await served.connect()
    sending = asyncio.create_task(send(writer, pieces))
    async with asyncio.timeout(SECONDS):
        got = await answer(reader)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.transport.abort()
    return got


async def goes_on(world: World, served: Served) -> None:
    """Nothing of what was before is under way, and the next upload is taken."""
    await until(lambda: not served.busy)
    taken, stored = len(world.uploads), len(world.stored_files)
    assert stored == taken
    got = await asked(served, [form(GOOD)])
    assert got is not None
    assert got.status == 202
    assert len(world.stored_files) == taken + 1


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack) -> None:
    """Each gets its status and, where it is refused, a problem with its code; it takes a bounded amount of memory and
    leaves nothing behind, and the next request is served."""
    if attack.slow:
        monkeypatch.setattr(http, "HEAD_SECONDS", SHORT)
    world = make(tmp_path / "objects", idle=SHORT if attack.slow else 30.0)
    async with serving(world) as served:
        if attack.huge:
            tracemalloc.start()
        try:
            got = await asked(served, attack.pieces)
            most = tracemalloc.get_traced_memory()[1] if attack.huge else 0
        finally:
            tracemalloc.stop()
        assert got is not None
        assert got.status == attack.status, got.body
        if attack.status >= 400:
            problem = json.loads(got.body)
            assert got.headers["content-type"] == "application/problem+json"
            assert problem["status"] == attack.status
            assert attack.code in {None, problem["code"]}
        assert len(world.stored_files) == len(world.uploads) == (attack.status == 202)
        assert most < MEMORY
        await goes_on(world, served)


@pytest.mark.parametrize("departure", DEPARTURES, ids=lambda departure: departure.name)
@pytest.mark.parametrize("rude", [False, True], ids=["with FIN", "with RST"])
async def test_a_client_that_goes_away_leaves_nothing(
    world: World, served: Served, departure: Departure, rude: bool
) -> None:
    """Whenever the connection ends: no object, no event, no request that goes on, no connection that stays open."""
    _, writer = await served.connect()
    await send(writer, departure.pieces)
    await until(lambda: served.connections == 1)
    if rude:
        writer.transport.abort()
    else:
        writer.close()
    await until(lambda: not served.busy and not served.connections)
    assert world.stored_files == []
    assert world.uploads == []
    await goes_on(world, served)


async def test_a_client_that_drips_is_refused(tmp_path: Path) -> None:
    """A byte now and then, each before the limit on silence, is not enough to hold a place."""
    world = make(tmp_path / "objects", idle=SHORT * 2)

    async with serving(world) as served:
        reader, writer = await served.connect()
        await send(writer, [head(length(LIMIT)), FILE])

        async def drip() -> None:
            while True:
                await send(writer, [b"x"])
                await asyncio.sleep(SHORT / 4)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(SECONDS):
            got = await answer(reader)
        dripping.cancel()
        writer.transport.abort()
        assert got is not None
        assert (got.status, json.loads(got.body)["code"]) == (408, "too_slow")
        await goes_on(world, served)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (named(b"../../etc/passwd"), "passwd"),
        (named(b"C:\\\\temp\\\\a.txt"), "a.txt"),
        (named(b"a\x00b.txt"), "ab.txt"),
        (named(b"a%0D%0Ab.txt"), "ab.txt"),
        (named(b".."), "unnamed"),
        (named(b""), "unnamed"),
        (named("naïve.txt".encode()), "naïve.txt"),
        (part(b"name=file; filename*=UTF-8''na%C3%AFve.txt"), "naïve.txt"),
        (part(b"name=file; filename*=idna''xn--a%ff"), "unnamed"),
        (named(b"x" * 4000 + b".txt"), "x" * 251 + ".txt"),
    ],
)
async def test_a_hostile_filename_is_only_shown(world: World, served: Served, sent: bytes, shown: str) -> None:
    """A name never becomes a path, and has no control characters where it is shown."""
    got = await asked(served, [sent])
    assert got is not None
    assert got.status == 202
    [upload], [file] = world.uploads, world.stored_files
    assert upload.filename == json.loads(got.body)["filename"] == shown
    assert file.parent == world.objects_folder / upload.company_id


async def test_two_requests_at_once_are_answered_in_turn(world: World, served: Served) -> None:
    """Requests that are sent ahead wait for their turn."""
    reader, writer = await served.connect()
    await send(writer, [form(GOOD) + get(b"/documents") + get(b"/nothing")])
    assert [(await answer(reader) or pytest.fail("no answer")).status for _ in range(3)] == [202, 200, 404]
    writer.close()
    await goes_on(world, served)


async def test_requests_without_end_on_one_connection(world: World, served: Served) -> None:
    """Who sends ten thousand requests and reads no answer gets the first, and is not listened to any more."""
    reader, writer = await served.connect()
    await send(writer, [get(b"/documents") * 10_000])
    got = await asyncio.wait_for(heard(reader), SECONDS)
    assert 1 <= got.count(b"HTTP/1.1 200 OK") < 100
    await goes_on(world, served)


async def test_a_connection_can_be_used_after_a_refusal(world: World, served: Served) -> None:
    """What was refused for its content doesn't end the connection."""
    reader, writer = await served.connect()
    for sent, status in ((form(b"--b--\r\n"), 422), (get(b"/nothing"), 404), (form(GOOD), 202)):
        await send(writer, [sent])
        got = await answer(reader)
        assert got is not None
        assert got.status == status
    writer.close()


async def test_the_rest_of_a_refused_body_is_no_request(world: World, served: Served) -> None:
    """A body that was refused unread is passed over to its end: a request hidden in it is never answered."""
    hidden = get(b"/documents")
    reader, writer = await served.connect()
    await send(writer, [head(length(LIMIT * 2)), hidden, b"x" * (LIMIT * 2 - len(hidden)), get(b"/nothing")])
    assert [(await answer(reader) or pytest.fail("no answer")).status for _ in range(2)] == [413, 404]
    writer.close()


async def test_a_body_is_asked_for_only_if_it_is_wanted(world: World, served: Served) -> None:
    """`Expect: 100-continue` spares the body of what is refused by its head, and is met for what isn't."""
    expect = b"Expect: 100-continue\r\n"
    reader, writer = await served.connect()
    await send(writer, [head(length(LIMIT * 2), expect)])
    assert (await reader.readline()).split()[1] == b"413"
    writer.transport.abort()
    reader, writer = await served.connect()
    await send(writer, [head(length(len(GOOD)), expect)])
    assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"100"
    await send(writer, [GOOD])
    got = await answer(reader)
    assert got is not None
    assert got.status == 202
    writer.close()


@pytest.mark.parametrize(
    "path", ["/documents", "/streams", "/live", "/docs", "/openapi.json", "/nothing", "/streams/ratings/live"]
)
async def test_head_is_get_without_a_body(served: Served, path: str) -> None:
    """Everything that can be got has a head, also an event stream, and the next request isn't kept waiting by it."""
    reader, writer = await served.connect()
    await send(writer, [get(path.encode(), method=b"HEAD"), get(b"/nothing")])
    async with asyncio.timeout(SECONDS):
        first, second = await answer(reader, to_head=True), await answer(reader)
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (404 if path == "/nothing" else 200, 404)
    writer.close()
    await until(lambda: not served.busy)


async def test_allowed_methods_are_told(served: Served) -> None:
    """A 405 names HEAD where there is GET."""
    got = await asked(served, [get(b"/documents", method=b"DELETE")])
    assert got is not None
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("sent", [b"", b"\r\n", GOOD], ids=["nothing", "blank lines", "the rest of a refused body"])
async def test_a_connection_that_sends_no_request_is_closed(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Nobody holds a connection without asking for something."""
    monkeypatch.setattr(http, "HEAD_SECONDS", SHORT)
    reader, writer = await served.connect()
    if sent == GOOD:
        await send(writer, [head(length(1 << 40))])
        assert await answer(reader)
    await send(writer, [sent])
    assert await asyncio.wait_for(heard(reader), SECONDS) == b""
    writer.close()


async def test_what_is_garbage_does_not_undo_what_was_asked_before(world: World, served: Served) -> None:
    """A whole request is answered, though nonsense follows it, and its answer is the last."""
    reader, writer = await served.connect()
    await send(writer, [form(GOOD) + b"\0\0\0\0"])
    got = await asyncio.wait_for(heard(reader), SECONDS)
    assert got.count(b"HTTP/1.1 ") == got.count(b"HTTP/1.1 202") == 1
    assert len(world.stored_files) == len(world.uploads) == 1
    writer.close()


async def test_an_upload_that_many_send_at_once(tmp_path: Path) -> None:
    """A hundred clients that go away amid a file leave nothing, and the files of those between them are whole."""
    world = make(tmp_path / "objects", upload_bytes=16 * LIMIT)
    async with serving(world) as served:

        async def leaves() -> None:
            _, writer = await served.connect()
            await send(writer, [head(CHUNKED), chunk(FILE), *[chunk(BLOCK)] * 4])
            writer.transport.abort()

        async def stays() -> int:
            got = await asked(served, [form(FILE + BLOCK + END)])
            return got.status if got else 0

        *_, first, second = await asyncio.gather(*(leaves() for _ in range(100)), stays(), stays())
        await until(lambda: not served.busy)
        assert (first, second) == (202, 202)
        assert [file.read_bytes() for file in world.stored_files] == [BLOCK, BLOCK]
