"""What ingest makes of an upload, on a real object store of files and with no broker."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from services.ingest.handlers import Ingest, failed
from shared.contracts.documents import DocumentRaw, DocumentStatus, State
from shared.contracts.uploads import UploadReceived
from shared.errors import Code, Permanent
from shared.kafka.deadletters import Failure
from shared.kafka.records import Message, Partition, Record
from shared.objects import Objects
from shared.topics import DOCUMENTS_RAW, DOCUMENTS_STATUS
from tests.redriven import redriven

TEXT = b"# Rivers\n\nA bed is where a river lies.\n"


@pytest.fixture
async def objects(tmp_path: Path) -> Objects:
    objects = Objects(f"file://{tmp_path}")
    async with objects.writer("acme/one") as writer:
        await writer.write(TEXT)
    return objects


def upload(**changes: Any) -> Message[UploadReceived]:
    facts = {
        "document_id": "d",
        "company_id": "acme",
        "s3_path": "acme/one",
        "filename": "rivers.md",
        "sha256": hashlib.sha256(TEXT).hexdigest(),
        "size_bytes": len(TEXT),
    }
    record = Record(Partition("uploads.received", 2), 41, 1_767_323_045_678, b"d", b"{}")
    return Message(record, UploadReceived.model_validate(facts | changes))


async def test_describes_the_document(objects: Objects) -> None:
    """The version is the record's offset, the time its timestamp, the media type what the bytes say."""
    raw, status = (await Ingest(objects).handle([upload(declared_media_type="image/png")])).emits
    assert raw.topic is DOCUMENTS_RAW
    assert isinstance(raw.event, DocumentRaw)
    assert (raw.event.version, raw.event.media_type) == (41, "text/markdown")
    assert raw.event.received_at.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert status.topic is DOCUMENTS_STATUS
    assert isinstance(status.event, DocumentStatus)
    assert status.event.state is State.PROCESSING


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sha256": "0" * 64}, Code.OBJECT_MISMATCH),
        ({"size_bytes": 3}, Code.OBJECT_MISMATCH),
        ({"s3_path": "acme/other"}, Code.OBJECT_MISSING),
    ],
)
async def test_refuses_what_it_can_not_do(objects: Objects, changes: dict[str, Any], code: Code) -> None:
    """An object that is missing, and one that isn't the announced one, have each their code."""
    with pytest.raises(Permanent) as caught:
        await Ingest(objects).handle([upload(**changes)])
    assert caught.value.code is code


def test_a_failure_is_told_in_the_status() -> None:
    """Beside the dead letter goes a status that a person understands."""
    failure = Failure(Code.UNSUPPORTED, "a picture can't be read", 1, upload().record.time)
    (emit,) = failed(upload(), failure)
    assert isinstance(emit.event, DocumentStatus)
    assert (emit.event.state, emit.event.version) == (State.FAILED, 41)
    assert emit.event.reason is not None
    assert emit.event.reason.message == "a picture can't be read"


async def test_a_redriven_upload_keeps_its_first_version(objects: Objects) -> None:
    """Version and time are those of the first position, in the document, in its status and in another failure; the
    status names the record, so that the failure before is over."""
    message = upload()
    again = Message(redriven(message.record, times=2), message.event)
    raw, status = (await Ingest(objects).handle([again])).emits
    (failure,) = failed(again, Failure(Code.BUG, "no", 1, message.record.time))
    assert isinstance(raw.event, DocumentRaw)
    assert (raw.event.version, raw.event.received_at) == (41, message.record.time)
    for event in (status.event, failure.event):
        assert isinstance(event, DocumentStatus)
        assert (event.version, event.received_at) == (41, message.record.time)
        assert (event.source, event.attempt) == ("uploads.received-2-41", 2)


async def test_a_deletion_is_passed_on(objects: Objects) -> None:
    """With its version and the objects to be removed; the bytes aren't looked at."""
    raw, status = (await Ingest(objects).handle([upload(operation="delete", objects=["acme/gone"])])).emits
    assert isinstance(raw.event, DocumentRaw)
    assert (raw.event.operation, raw.event.version, raw.event.objects) == ("delete", 41, ("acme/gone",))
    assert isinstance(status.event, DocumentStatus)
    assert status.event.state is State.DELETING


async def test_an_upload_whose_object_was_removed_is_superseded(objects: Objects) -> None:
    """A replay of what was deleted since fails nothing and wakes nobody."""
    await objects.remove("acme/one")
    (status,) = (await Ingest(objects).handle([upload()])).emits
    assert isinstance(status.event, DocumentStatus)
    assert (status.event.state, status.event.version) == (State.SUPERSEDED, 41)
