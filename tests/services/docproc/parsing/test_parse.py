"""What holds for every format: the closed list of refusals, and the limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.docproc.parsing import PARSERS, Limits, parse
from shared import media_types
from shared.errors import Code, Permanent

OOXML = "application/vnd.openxmlformats-officedocument"
CONTAINERS = [
    f"{OOXML}.wordprocessingml.document",
    f"{OOXML}.presentationml.presentation",
    f"{OOXML}.spreadsheetml.sheet",
    *(media_types.ODT, media_types.ODS, media_types.ODP),
    "application/epub+zip",
]
OLD_CONTAINERS = [media_types.MSG, media_types.XLS]


def refusal(path: Path, media_type: str, limits: Limits | None = None) -> Permanent:
    with pytest.raises(Permanent) as caught:
        parse(path, media_type, limits or Limits())
    return caught.value


def test_each_type_that_ingest_tells_has_a_reader() -> None:
    """Ingest lets through exactly the types that are read here."""
    told = {value for name, value in vars(media_types).items() if name.isupper() and isinstance(value, str)}
    assert told == set(PARSERS)


def test_other_types_are_refused(tmp_path: Path) -> None:
    """A media type without a reader is unsupported."""
    assert refusal(tmp_path, "image/png").code is Code.UNSUPPORTED


@pytest.mark.parametrize("media_type", sorted(PARSERS))
def test_no_bytes_are_empty(media_type: str, tmp_path: Path) -> None:
    """A file without bytes is empty in every format."""
    path = tmp_path / "document"
    path.touch()
    assert refusal(path, media_type).code is Code.EMPTY


@pytest.mark.parametrize("media_type", ["text/plain", "text/html", "text/markdown", "text/csv", "message/rfc822"])
def test_white_space_is_empty(media_type: str, tmp_path: Path) -> None:
    """A text of white space alone is empty in every format."""
    path = tmp_path / "document"
    path.write_bytes(b" \r\n\t\n")
    assert refusal(path, media_type).code is Code.EMPTY


@pytest.mark.parametrize("media_type", [*CONTAINERS, *OLD_CONTAINERS, "application/pdf"])
@pytest.mark.parametrize("content", [b"nonsense", b"PK\x03\x04nonsense", b"%PDF-1.7\nnonsense", bytes(5000)])
def test_a_damaged_container_is_corrupt(media_type: str, content: bytes, tmp_path: Path) -> None:
    """Bytes that aren't the format that they pretend to be are corrupt, and the message says which format."""
    path = tmp_path / "document"
    path.write_bytes(content)
    error = refusal(path, media_type)
    assert error.code is Code.CORRUPT
    assert "damaged or cut short" in str(error)


@pytest.mark.parametrize("media_type", CONTAINERS)
def test_an_office_file_behind_a_password_is_encrypted(media_type: str, tmp_path: Path) -> None:
    """Office keeps an encrypted document in its old container."""
    path = tmp_path / "document"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert refusal(path, media_type).code is Code.ENCRYPTED


@pytest.mark.parametrize("media_type", ["text/plain", "text/html", "text/markdown", "text/csv", "message/rfc822"])
def test_too_much_text_is_refused(media_type: str, tmp_path: Path) -> None:
    """Text past the limit is refused in every format, and the message names the limit."""
    path = tmp_path / "document"
    path.write_text("Subject: x\n\n" + "a, b\n" * 100)
    error = refusal(path, media_type, Limits(max_chars=100))
    assert error.code is Code.TOO_LARGE
    assert "100" in str(error)
