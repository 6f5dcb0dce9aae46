"""What a chunk and a vector must be."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.chunks import ChunkProcessed, EmbeddingReady, status_of_part
from shared.contracts.documents import Stage, State
from shared.contracts.kinds import Kind

GOLDEN = Path(__file__).parent / "golden"


def sample(topic: str, **changes: Any) -> str:
    return json.dumps(json.loads((GOLDEN / f"{topic}.1.json").read_text()) | changes)


def embedding(**changes: Any) -> EmbeddingReady:
    return EmbeddingReady.model_validate_json(sample("embeddings.ready", **changes))


def test_a_list_of_numbers_is_accepted_for_a_vector() -> None:
    """Other producers may send plain numbers; they are the same vector."""
    assert embedding(vector=[1.0, 2.0, -3.0]) == embedding()
    assert struct.unpack("<3f", embedding().vector) == (1.0, 2.0, -3.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vector": "AACAPw=="}, "3 dimensions need 12"),
        ({"vector": "***"}, "not base64"),
        ({"vector": base64.b64encode(struct.pack("<3f", 1, float("nan"), 0)).decode()}, "not finite"),
        ({"vector": {"x": 1}}, "base64 of little-endian float32"),
        ({"vector": [1, None, 3]}, "not a float32"),
        ({"vector": [1, 1e39, 3]}, "not a float32"),
        ({"received_at": "0001-01-01T00:00:00+01:00"}, "outside the years"),
        ({"received_at": "9999-12-31T23:59:59-01:00"}, "outside the years"),
        ({"dimensions": 0}, "greater than or equal to 1"),
        ({"chunk_index": 2}, "not below chunk_count"),
        ({"received_at": "2026-01-02T03:04:05"}, "timezone"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], message: str) -> None:
    """A vector that can't be used is refused, with the reason."""
    with pytest.raises(ValidationError, match=message):
        embedding(**changes)


def test_a_chunk_has_text() -> None:
    """An empty chunk is no chunk."""
    with pytest.raises(ValidationError, match="at least 1 character"):
        ChunkProcessed.model_validate_json(sample("chunks.processed", text=""))


def test_times_are_utc_to_the_millisecond() -> None:
    """A time with another offset and more digits is the same moment, written one way."""
    event = embedding(received_at="2026-01-02T05:04:05.678901+02:00")
    assert json.loads(event.model_dump_json())["received_at"] == "2026-01-02T03:04:05.678Z"


def test_an_old_chunk_is_text() -> None:
    """A message of before chunks said what they hold is text without a hash, and doesn't say where its original is."""
    old = ChunkProcessed.model_validate_json(sample("chunks.processed"))
    assert (old.kind, old.text_sha256, old.s3_path) == (Kind.TEXT, None, None)


def test_the_status_of_a_part_says_where_the_original_is() -> None:
    """So does that of the version which it completes, hence the document's edition."""
    status = status_of_part(embedding(s3_path="acme/0b9c"), State.COMPLETE, Stage.DB_WRITER, embedding().received_at)
    assert status.s3_path == "acme/0b9c"
