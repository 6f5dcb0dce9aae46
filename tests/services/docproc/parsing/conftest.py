from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.docproc.parsing import Extracted, Limits, parse
from tests.services.docproc.parsing.reading import Read


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads bytes, or the members of a zip, as a document of a media type."""

    def reading(media_type: str, content: bytes | Mapping[str, str], limits: Limits | None = None) -> Extracted:
        path = tmp_path / "document"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, text in content.items():
                    archive.writestr(name, text)
        return parse(path, media_type, limits or Limits())

    return reading
