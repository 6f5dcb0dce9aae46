"""What a document's events may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.contracts.documents import DocumentRaw

GOLDEN = Path(__file__).parent / "golden" / "documents.raw.1.json"
LONG = 300 * "x"
BAD_PATHS = ["", "x", "../../etc/passwd", "/etc/passwd", "a//b", "a/./b", "a/..", "evil/x#1", "a/b\0c", f"a/{LONG}"]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_an_object_path_is_company_and_upload(path: str) -> None:
    """A path that a store could take for another place, or choke on, is refused before any store sees it."""
    with pytest.raises(ValidationError, match="s3_path"):
        DocumentRaw.model_validate(json.loads(GOLDEN.read_text()) | {"s3_path": path})


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_what_is_written_can_be_read(moment: str) -> None:
    """Any moment that is accepted is written so that the next reader accepts it."""
    event = DocumentRaw.model_validate(json.loads(GOLDEN.read_text()) | {"received_at": moment})
    written = event.model_dump_json()
    assert json.loads(written)["received_at"] == moment
    assert DocumentRaw.model_validate_json(written) == event
