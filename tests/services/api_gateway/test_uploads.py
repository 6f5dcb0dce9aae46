from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Iterator, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.api_gateway.room import Room
from shared.contracts.documents import DocumentStatus, State
from shared.contracts.ids import document_id, named_document_id
from shared.objects import HELD
from shared.topics import DOCUMENTS_STATUS, UPLOADS_RECEIVED
from tests.services.api_gateway.world import ACME, LIMIT, OTHER_KEY, World, call
from tests.services.api_gateway.world import world as make
from tests.syncs import fail_fsync, watch_fsync

Messages = Iterator[MutableMapping[str, Any]]

BYTES = b"Sales rose by 4 %." * 100
SHA256 = hashlib.sha256(BYTES).hexdigest()
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'


def is_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"] == f"urn:cauce:problem:{code}"
    assert set(problem) >= {"type", "title", "status", "detail", "instance"}


async def test_upload_is_stored_announced_and_answered(world: World, client: httpx.AsyncClient) -> None:
    """A 202 says what the document is called, and the stored bytes, the event and the first status agree with it."""
    response = await client.post("/upload", files={"file": ("dir/report.txt", BYTES, "text/plain")}, data={"x": "y"})
    assert response.status_code == 202
    accepted, [upload], [file] = response.json(), world.uploads, world.stored_files
    assert accepted["document_id"] == upload.document_id == document_id(ACME, SHA256)
    assert accepted["sha256"] == upload.sha256 == SHA256
    assert accepted["size_bytes"] == upload.size_bytes == len(BYTES) == file.stat().st_size
    assert accepted["filename"] == upload.filename == "report.txt"
    assert (upload.declared_media_type, upload.name, upload.company_id) == ("text/plain", None, ACME)
    assert str(file.relative_to(world.objects_folder)) == upload.s3_path
    assert response.headers["location"] == accepted["status_url"] == f"/documents/{upload.document_id}"


async def test_first_status_comes_from_the_record_of_the_upload(world: World, client: httpx.AsyncClient) -> None:
    """The version is the record's offset and `received_at` its timestamp, so that every replay finds the same."""
    await client.post("/upload", files={"file": ("a.txt", BYTES)})
    response = await client.post("/upload", files={"file": ("a.txt", BYTES)})
    record = world.broker.read(UPLOADS_RECEIVED.name)[1]
    status = DocumentStatus.model_validate_json(world.broker.read(DOCUMENTS_STATUS.name)[1].value or b"")
    assert response.json()["version"] == status.version == record.offset == 1
    assert status.received_at == record.time
    assert (status.state, status.stage, status.media_type) == (State.RECEIVED, "api_gateway", None)
    assert status.s3_path == world.uploads[1].s3_path
    assert len(world.stored_files) == 2


async def test_trace_of_the_request_goes_on(world: World, client: httpx.AsyncClient) -> None:
    """Both events belong to the trace that the request came with, and keep to the CloudEvents binding."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await client.post("/upload", files={"file": ("a.txt", BYTES)}, headers=headers)
    for topic in (UPLOADS_RECEIVED, DOCUMENTS_STATUS):
        [record] = world.broker.read(topic.name)
        assert (record.header("traceparent") or b"").decode().split("-")[1] == trace
        assert record.header("ce_source") == b"/cauce/api_gateway"


@pytest.mark.parametrize("junk", ["x", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{'Z' * 32}-b7ad6b7169203331-01"])
async def test_trace_that_is_none_is_replaced(world: World, client: httpx.AsyncClient, junk: str) -> None:
    """Both events of an upload share a trace of their own where the request brought none that can be read."""
    await client.post("/upload", files={"file": ("a.txt", BYTES)}, headers={"traceparent": junk})
    [upload], [told] = world.broker.read(UPLOADS_RECEIVED.name), world.broker.read(DOCUMENTS_STATUS.name)
    traces = {(record.header("traceparent") or b"").decode().split("-")[1] for record in (upload, told)}
    assert len(traces) == 1
    assert traces.isdisjoint({"0" * 32, "Z" * 32})


async def test_named_document_as_raw_body_and_as_form(world: World, client: httpx.AsyncClient) -> None:
    """A name of a company is one document whatever its bytes are and in whichever of the two ways they come."""
    raw = await client.put(
        "/documents/by-name/reports/q%201.md", content=BYTES, headers={"Content-Type": "text/x; a=b"}
    )
    form = await client.put("/documents/by-name/reports/q 1.md", files={"file": ("other.txt", b"new", "text/plain")})
    assert raw.status_code == form.status_code == 202
    assert raw.json()["document_id"] == form.json()["document_id"] == named_document_id(ACME, "reports/q 1.md")
    assert [upload.name for upload in world.uploads] == ["reports/q 1.md"] * 2
    assert [upload.filename for upload in world.uploads] == ["q 1.md", "other.txt"]
    assert [upload.declared_media_type for upload in world.uploads] == ["text/x", "text/plain"]
    assert form.json()["version"] > raw.json()["version"]


async def test_two_companies_with_one_name_never_meet(world: World, client: httpx.AsyncClient) -> None:
    """The same name and the same bytes of another company are another document."""
    async with world.client(OTHER_KEY) as other:
        first = await client.put("/documents/by-name/a", content=BYTES)
        second = await other.put("/documents/by-name/a", content=BYTES)
    assert first.json()["document_id"] != second.json()["document_id"]


@pytest.mark.parametrize("name", ["x" * 513, "", "a%01b"])
async def test_bad_name_is_refused(client: httpx.AsyncClient, name: str) -> None:
    """A name has 1 to 512 characters, none of them a control character."""
    response = await client.put(f"/documents/by-name/{name}", content=BYTES)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_default_content_type_of_curl_declares_nothing(world: World, client: httpx.AsyncClient) -> None:
    """`curl --data-binary` calls everything a web form: that is no media type of a document."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    await client.put("/documents/by-name/a", content=BYTES, headers=headers)
    assert world.uploads[0].declared_media_type is None


async def pieces(size: int, *, end: bytes = b"\r\n--b--\r\n") -> AsyncIterator[bytes]:
    """A form whose length isn't announced."""
    yield PART
    for start in range(0, size, 64 * 1024):
        yield b"x" * min(64 * 1024, size - start)
    yield end


async def test_file_of_exactly_the_limit_is_taken(world: World, client: httpx.AsyncClient) -> None:
    """The limit is for the file, not for the form around it."""
    assert (await client.post("/upload", content=pieces(LIMIT), headers=FORM)).status_code == 202
    assert (await client.put("/documents/by-name/a", content=b"x" * LIMIT)).status_code == 202


async def test_too_large_by_its_announcement_is_refused_unread(world: World, client: httpx.AsyncClient) -> None:
    """A Content-Length over the limit is answered with 413 before any of the body is read."""

    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    length = {"Content-Length": str(LIMIT * 2)}
    is_problem(await client.post("/upload", content=unread(), headers=FORM | length), 413, "too_large")
    is_problem(await client.put("/documents/by-name/a", content=unread(), headers=length), 413, "too_large")


async def test_too_large_is_refused_as_soon_as_it_shows(world: World, client: httpx.AsyncClient) -> None:
    """A body of unknown length is read no further than the limit, and nothing of it stays."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        async for piece in pieces(LIMIT * 1000):
            read += len(piece)
            yield piece

    is_problem(await client.post("/upload", content=endless(), headers=FORM), 413, "too_large")
    assert read < LIMIT + 256 * 1024
    is_problem(await client.put("/documents/by-name/a", content=pieces(LIMIT)), 413, "too_large")
    assert world.stored_files == []
    assert world.uploads == []


async def test_other_fields_count_towards_the_size(world: World, client: httpx.AsyncClient) -> None:
    """Fields that are ignored can't be used to send without end."""
    form = {"file": ("a.txt", b"x")}
    is_problem(await client.post("/upload", files=form, data={"x": "y" * LIMIT * 2}), 413, "too_large")


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (PART.replace(b"--b", b"--c") + b"x\r\n--c--\r\n", "malformed_form", 400),
        (PART + b"half of", "malformed_form", 400),
        (PART[:40], "malformed_form", 400),
        (b"", "malformed_form", 400),
        (b"--b\r\nContent-Disposition: attachment\r\n\r\n", "malformed_form", 400),
        (b'--b\r\nContent-Disposition: form-data; name="doc"\r\n\r\nx\r\n--b--\r\n', "no_file", 422),
        (b"--b--\r\n", "no_file", 422),
        (b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\na.txt\r\n--b--\r\n', "not_a_file", 422),
        (PART + b"x\r\n" + PART + b"y\r\n--b--\r\n", "several_files", 422),
    ],
)
async def test_bad_form_leaves_nothing(
    world: World, client: httpx.AsyncClient, body: bytes, code: str, status: int
) -> None:
    """What isn't a whole form with exactly one file is refused with its own code, and neither stored nor announced."""
    is_problem(await client.post("/upload", content=body, headers=FORM), status, code)
    assert world.stored_files == []
    assert world.uploads == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
async def test_form_without_boundary_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    """Without a boundary a form can't be read."""
    response = await client.post("/upload", content=b"x", headers={"Content-Type": content_type})
    is_problem(response, 400, "malformed_form")


async def test_body_that_is_no_form_is_refused(client: httpx.AsyncClient) -> None:
    """Only a name's own address takes the bare bytes."""
    is_problem(await client.post("/upload", content=b"x"), 415, "not_a_form")


async def test_broker_away(world: World, client: httpx.AsyncClient) -> None:
    """A 503 says when to come again, and the bytes stay: the event may have been written all the same."""
    world.broker.away = True
    response = await client.post("/upload", files={"file": ("a.txt", BYTES)})
    is_problem(response, 503, "not_acknowledged")
    assert int(response.headers["retry-after"]) >= 1
    assert len(world.stored_files) == 1


async def test_object_store_away(world: World, client: httpx.AsyncClient) -> None:
    """Bytes that can't be stored are not announced."""
    world.objects_folder.rmdir()
    world.objects_folder.write_text("in the way")
    response = await client.post("/upload", files={"file": ("a.txt", BYTES)})
    is_problem(response, 503, "unavailable")
    assert response.headers["retry-after"]
    assert str(world.objects_folder) not in response.text
    assert world.uploads == []


@pytest.mark.parametrize("address", ["/upload", "/documents/by-name/a"])
async def test_bytes_are_on_the_disk_before_the_record_is_written(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """No record names an object that a power failure may still take: the file's and its folders' fsync come first."""
    seen: list[tuple[Path, int]] = []
    watch_fsync(monkeypatch, lambda path: seen.append((path, len(world.uploads))))
    method = "POST" if address == "/upload" else "PUT"
    response = await client.request(method, address, files={"file": ("a.txt", BYTES)})
    assert response.status_code == 202
    [file] = world.stored_files
    assert seen == [(file, 0), (file.parent, 0), (world.objects_folder, 0)]
    assert len(world.uploads) == 1


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
async def test_a_disk_that_does_not_take_the_bytes(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """An fsync that fails is an outage: 503 with Retry-After, and no record of the upload."""
    with monkeypatch.context() as broken:
        fail_fsync(broken, code)
        response = await client.post("/upload", files={"file": ("a.txt", BYTES)})
    is_problem(response, 503, "unavailable")
    assert response.headers["retry-after"]
    assert world.uploads == []
    assert (await client.post("/upload", files={"file": ("a.txt", BYTES)})).status_code == 202


async def test_upload_that_stalls_is_given_up(tmp_path: Path) -> None:
    """A client that sends nothing for too long is answered with 408, and nothing stays."""
    world = make(tmp_path, idle=0.05)
    sent: Messages = iter([{"type": "http.request", "body": PART + b"x", "more_body": True}])
    answer = await call(world, lambda: next(sent, None))
    assert answer[0]["status"] == 408
    assert world.stored_files == []


async def test_too_many_uploads_at_once(world: World) -> None:
    """429 with Retry-After while others' bytes come in, before anything is read; afterwards there is room again."""
    narrow = replace(world, gateway=replace(world.gateway, upload_room=Room(HELD + 1000)))
    comes, goes_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield PART + b"x"
        comes.set()
        await goes_on.wait()
        yield b"\r\n--b--\r\n"

    async with narrow.client() as client:
        first = asyncio.create_task(client.post("/upload", content=slow(), headers=FORM))
        await comes.wait()
        refused = await client.post("/upload", files={"file": ("a.txt", BYTES)})
        is_problem(refused, 429, "busy")
        assert refused.headers["retry-after"] == "1"
        assert (await client.put("/documents/by-name/small", content=b"fits beside it")).status_code == 202
        goes_on.set()
        assert (await first).status_code == 202
        assert (await client.post("/upload", files={"file": ("a.txt", BYTES)})).status_code == 202
    assert len(world.stored_files) == 3
    assert narrow.gateway.upload_room._taken == 0


@pytest.mark.parametrize("size", [1, 20 * 1024 * 1024])
async def test_client_that_goes_away_leaves_nothing(tmp_path: Path, size: int) -> None:
    """An upload broken off leaves no object and no event, not even the beginning of one large enough to be in parts."""
    world = make(tmp_path, upload_bytes=1024**3)
    sent: Messages = iter(
        [
            {"type": "http.request", "body": PART, "more_body": True},
            {"type": "http.request", "body": b"x" * size, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answer = await call(world, lambda: next(sent))
    assert answer[0]["status"] == 400
    assert world.stored_files == []
    assert world.uploads == []
