"""The proxy between a client and a server that echoes, and the protocols that it can read."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import AsyncIterator

import bson
import pytest
from aiokafka.protocol.commit import OffsetCommitRequest_v3
from aiokafka.protocol.produce import ProduceRequest_v8

from compose.local.ports import free_port
from tests.faults.links import Link, Mode, Side, Trap
from tests.faults.proxy import HOST, Proxy
from tests.faults.wires import KAFKA, MONGODB, MYSQL, Frames, Request


@pytest.fixture
async def link() -> AsyncIterator[tuple[Proxy, Link]]:
    """In front of a server that sends back each MySQL packet."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionResetError):
            while piece := await reader.read(1000):
                writer.write(piece)

    server = await asyncio.start_server(echo, HOST, 0)
    target = server.sockets[0].getsockname()[1]
    with Proxy() as proxy:
        yield proxy, proxy.link("test", free_port(), target, MYSQL)
    server.close()


def packet(statement: str) -> bytes:
    payload = b"\x03" + statement.encode()
    return len(payload).to_bytes(3, "little") + b"\0" + payload


async def ask(link: Link, frame: bytes, seconds: float = 1.0) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, link.port)
    try:
        writer.write(frame)
        return await asyncio.wait_for(reader.readexactly(len(frame)), seconds)
    finally:
        writer.transport.abort()


async def test_modes(link: tuple[Proxy, Link]) -> None:
    """Each mode does what it says, and afterwards everything passes again."""
    proxy, way = link
    frame = packet("SELECT 1")
    for mode, error in ((Mode.CUT, OSError), (Mode.RESET, OSError), (Mode.HALF_OPEN, TimeoutError)):
        proxy.set(way, mode)
        with pytest.raises((error, asyncio.IncompleteReadError)):
            await ask(way, frame)
        proxy.set(way, Mode.PASS)
        assert await ask(way, frame) == frame
    for mode in (Mode.DELAY, Mode.DRIP):
        proxy.set(way, mode, delay=0.2, drip=30)
        begun = asyncio.get_running_loop().time()
        assert await ask(way, frame, 10) == frame
        assert asyncio.get_running_loop().time() - begun > 0.3


@pytest.mark.parametrize("side", list(Side))
async def test_a_trap_holds_what_it_waits_for(link: tuple[Proxy, Link], side: Side) -> None:
    """Other requests pass; the one that matches, or its answer, doesn't, and the hook is called once."""
    proxy, way = link
    called: list[Side] = []
    proxy.arm(way, Trap(lambda request: request.verb == "COMMIT", side, lambda: called.append(side)))
    assert await ask(way, packet("BEGIN")) == packet("BEGIN")
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await ask(way, packet("COMMIT"))
    assert await ask(way, packet("COMMIT")) == packet("COMMIT")
    assert called == [side]


async def test_a_trap_may_let_go(link: tuple[Proxy, Link]) -> None:
    """What was held arrives after the release."""
    proxy, way = link
    trap = Trap(lambda request: request.verb == "INSERT", Side.BEFORE, lambda: None, release=threading.Event())
    proxy.arm(way, trap)
    asking = asyncio.create_task(ask(way, packet("INSERT INTO `t` VALUES (1)"), 5))
    assert await asyncio.to_thread(trap.sprung.wait, 5)
    assert not asking.done()
    assert trap.release
    trap.release.set()
    assert await asking


def test_kafka_is_understood() -> None:
    """A produce names its topics, an offset commit its group; both their correlation id."""
    produce = ProduceRequest_v8(None, -1, 1000, [("a.topic", [(0, b"xyz"), (1, b"")]), ("b", [(0, b"")])]).encode()
    commit = OffsetCommitRequest_v3("a.group", 1, "member", -1, []).encode()
    for key, version, body, expected in (
        (0, 8, produce, Request("Produce", frozenset({"a.topic", "b"}), 7)),
        (8, 3, commit, Request("OffsetCommit", frozenset({"a.group"}), 7)),
    ):
        frame = struct.pack(">hhih", key, version, 7, 2) + b"me" + body
        (whole,) = Frames(KAFKA).feed(struct.pack(">i", len(frame)) + frame)
        assert KAFKA.request(whole) == expected


def test_the_stores_are_understood() -> None:
    """A statement gives its verb and table, a command its name and collection."""
    assert MYSQL.request(packet("INSERT INTO `t` (a) VALUES (1)")) == Request("INSERT", frozenset({"t"}))
    assert MYSQL.request(packet("COMMIT")) == Request("COMMIT")
    body = bytes(4) + b"\0" + bson.encode({"update": "chunks", "ordered": False})
    frame = struct.pack("<iiii", 16 + len(body), 5, 0, 2013) + body
    assert MONGODB.request(frame) == Request("update", frozenset({"chunks"}), 5)


def test_messages_are_cut_wherever_the_pieces_end() -> None:
    """Byte by byte or all at once, the same messages come out."""
    stream = packet("BEGIN") + packet("COMMIT")
    frames = Frames(MYSQL)
    piecemeal = [frame for place in range(len(stream)) for frame in frames.feed(stream[place : place + 1])]
    assert piecemeal == list(Frames(MYSQL).feed(stream)) == [packet("BEGIN"), packet("COMMIT")]
