"""Dead letters put back by the operator's own command."""

from __future__ import annotations

from dataclasses import replace

from shared.topics import UPLOADS_RECEIVED
from tests.faults.cases import Act, Case
from tests.faults.load import text_of
from tests.faults.truth import Uploaded

MISSING = ("ingest", UPLOADS_RECEIVED.name)
WORDS = ("again", "and", "once")


def cases() -> list[Case]:
    return [
        Case("redrive", "all", "of records that are still bad", "each fails again and is one letter still", still_bad),
        Case("redrive", "ingest", "of a record that is good by now, twice", "complete, once", twice, quick=True),
        Case("redrive", "ingest", "of an old version after a newer one", "the newer one stays", outdated),
    ]


async def still_bad(act: Act) -> None:
    await act.load.send()
    await act.settled()
    for key in {letter.key for letter in act.truth.letters}:
        _redrive(act, key)
    await act.settled()


async def twice(act: Act) -> None:
    """Its bytes were missing and are there now."""
    uploaded = await _fails(act, None)
    _redrive(act, uploaded.document_id)
    _redrive(act, uploaded.document_id)
    await act.settled()
    said = _redrive(act, uploaded.document_id)
    assert said.splitlines()[-1].startswith("0 redriven"), said
    expected = act.truth.documents[uploaded.document_id]
    act.truth.documents[uploaded.document_id] = replace(expected, code=None, words=WORDS)


async def outdated(act: Act) -> None:
    uploaded = await _fails(act, "a name")
    words = ("newer", "and", "better")
    await act.load.upload(text_of(words), "new.txt", words=words, name="a name")
    await act.settled()
    _redrive(act, uploaded.document_id)


async def _fails(act: Act, name: str | None) -> Uploaded:
    """A document whose bytes come only when it has failed."""
    uploaded = await act.load.upload(
        text_of(WORDS), "late.txt", name=name, code="object_missing", letter=MISSING, missing=True
    )
    await act.settled()
    uploaded.path.write_bytes(uploaded.content)
    return uploaded


def _redrive(act: Act, key: str) -> str:
    act.truth.redriven.add(key)
    return act.world.run("cauce", "dlq", "redrive", "--key", key)
