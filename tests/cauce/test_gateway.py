"""Against a real HTTP server that answers as the gateway does."""

from __future__ import annotations

import asyncio
import contextlib
import email
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cauce.delete import describe
from cauce.following import follow_all, until_final
from cauce.gateway import Gateway, GatewayAway, Progress, address
from compose.local.errors import LocalStackError
from compose.local.settings import LocalSettings
from shared.contracts.documents import State


class StandIn:
    """Accepts what comes after `busy` refusals with 503, and lets each document pass its stages one per question."""

    def __init__(self, busy: int = 0) -> None:
        self.busy = busy
        self.received: list[tuple[str, str, bytes]] = []
        self.asked = 0

    async def upload(self, request: Request) -> JSONResponse:
        if request.headers["authorization"] != "Bearer right":
            return problem(401, "this key is unknown")
        if self.busy:
            self.busy -= 1
            return problem(503, "no broker answers")
        self.received.append((request.url.path, *parse(request.headers["content-type"], await request.body())))
        return JSONResponse({"document_id": "d1", "status_url": "/documents/d1", "version": None}, 202)

    async def progress(self, _: Request) -> JSONResponse:
        states = [("received", "api_gateway"), ("processing", "docproc"), ("complete", "db_writer")]
        state, stage = states[min(self.asked, 2)]
        self.asked += 1
        return JSONResponse({"document_id": "d1", "state": state, "stage": stage, "counts": {"chunks": 2}})

    async def delete(self, request: Request) -> JSONResponse:
        if request.path_params["id"] == "unknown":
            return problem(404, "there is no such document")
        self.received.append((request.url.path, request.method, b""))
        return JSONResponse({"document_id": "gone", "version": 3, "state": "deleting"}, 202)

    async def receipt(self, _: Request) -> JSONResponse:
        self.asked += 1
        if self.asked < 3:
            state, version = [("complete", 2), ("deleting", 3)][self.asked - 1]
            return JSONResponse({"document_id": "gone", "state": state, "stage": "docproc", "version": version})
        remains = [{"topic": "a", "until": "2026-02-08T03:04:05Z"}, {"topic": "b", "until": "2026-03-01T03:04:05Z"}]
        receipt = {"objects": 2, "chunks": 17, "vectors": 16, "remains": remains}
        return JSONResponse({"document_id": "gone", "state": "deleted", "version": 3, "receipt": receipt})

    async def events(self, request: Request) -> JSONResponse:
        if self.busy:
            self.busy -= 1
            return problem(429, "Kafka is behind", accepted=1, line=3)
        lines = (await request.body()).splitlines()
        self.received += [(request.url.path, f"{request.url.query} {request.headers['content-type']}", lines[0])]
        return JSONResponse({"stream": "s", "accepted": len(lines) - 1, "rejected": 1, "errors": []}, 202)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/upload", self.upload, methods=["POST"]),
                Route("/documents/by-name/{name}", self.upload, methods=["PUT"]),
                Route("/documents/by-name/{id}", self.delete, methods=["DELETE"]),
                Route("/documents/{id}", self.delete, methods=["DELETE"]),
                Route("/documents/gone", self.receipt),
                Route("/documents/{id}", self.progress),
                Route("/events/{stream}", self.events, methods=["POST"]),
            ]
        )


def parse(content_type: str, body: bytes) -> tuple[str, bytes]:
    """The name and the content of the only file in a multipart body."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    part = next(part for part in message.walk() if part.get_filename())
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return str(part.get_filename()), content


def problem(status: int, detail: str, **facts: int) -> JSONResponse:
    return JSONResponse({"title": "x", "detail": detail, **facts}, status, media_type="application/problem+json")


@contextlib.asynccontextmanager
async def serving(stand_in: StandIn) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(stand_in.app(), log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_bytes(b"# Notes")
    return path


async def test_a_file_is_sent_and_followed_to_its_end(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bytes arrive under the file's name, and each stage is shown until the document is complete."""
    stand_in = StandIn()
    async with serving(stand_in) as url, Gateway(url, "right") as gateway:
        (item,) = await follow_all(gateway, [file])
    assert stand_in.received == [("/upload", "notes.md", b"# Notes")]
    assert item.state is State.COMPLETE
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["notes.md: api_gateway (2 chunks)", "notes.md: docproc (2 chunks)"]
    assert lines[2].startswith("notes.md: complete in ")


async def test_a_name_is_put(file: Path) -> None:
    """A named document is replaced under its name, whatever characters that has."""
    stand_in = StandIn()
    async with serving(stand_in) as url, Gateway(url, "right") as gateway:
        await gateway.upload(file, "hand book")
    assert stand_in.received == [("/documents/by-name/hand book", "notes.md", b"# Notes")]


async def test_a_deletion_is_followed_to_its_receipt() -> None:
    """By id or by name; what it removed is said, and when the last topic has forgotten the document. A gateway that
    doesn't know of it yet, and tells of the version before, is asked again."""
    stand_in = StandIn()
    async with serving(stand_in) as url, Gateway(url, "right") as gateway:
        accepted = [await gateway.delete("d1"), await gateway.delete_named("hand book")]
        said = {describe(await until_final(gateway, one)) for one in accepted}
        with pytest.raises(LocalStackError, match="404 there is no such document"):
            await gateway.delete("unknown")
    assert [path for path, _, _ in stand_in.received] == ["/documents/d1", "/documents/by-name/hand book"]
    assert said == {"deleted: stored files: 2, chunks: 17, vectors: 16; Kafka's topics forget it by 2026-03-01"}


def test_a_document_that_came_again_is_not_called_deleted() -> None:
    """A newer upload has taken its place before anybody looked."""
    assert describe(Progress(state=State.COMPLETE)) == "complete: uploaded again meanwhile"


async def test_an_outage_is_waited_for(file: Path) -> None:
    """A 503 means that repeating is safe, so it is repeated, with the whole file again."""
    stand_in = StandIn(busy=2)
    async with serving(stand_in) as url, Gateway(url, "right") as gateway:
        await gateway.upload(file)
    assert stand_in.received == [("/upload", "notes.md", b"# Notes")]


async def test_events_are_sent_as_lines() -> None:
    """To their stream, skipping bad ones; a gateway that is behind is asked again with what it hasn't taken."""
    stand_in = StandIn(busy=1)
    async with serving(stand_in) as url, Gateway(url, "right") as gateway:
        taken = await gateway.events("sensors.air", b"1\n{\n3\n4\n{")
    assert (taken.accepted, taken.rejected) == (3, 2)
    assert stand_in.received == [("/events/sensors.air", "on_error=skip application/x-ndjson", b"3")]


async def test_a_long_outage_is_told(file: Path) -> None:
    """When patience is over the gateway's own words are shown."""
    async with serving(StandIn(busy=100)) as url, Gateway(url, "right", patience=0.1) as gateway:
        with pytest.raises(GatewayAway, match="503 no broker answers"):
            await gateway.upload(file)


async def test_a_wrong_key_says_what_to_do(file: Path) -> None:
    """A 401 is not repeated, and names the option."""
    async with serving(StandIn()) as url, Gateway(url, "wrong") as gateway:
        with pytest.raises(LocalStackError, match="401 this key is unknown") as raised:
            await gateway.upload(file)
    assert "--key" in raised.value.advice


def test_a_foreign_url_needs_its_key(tmp_path: Path) -> None:
    """The development key of this folder is never sent to another address."""
    with pytest.raises(LocalStackError, match="no API key"):
        address("https://cauce.example.org", None, LocalSettings(state_dir=tmp_path))
