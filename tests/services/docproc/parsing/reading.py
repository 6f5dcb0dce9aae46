from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.docproc.parsing import Extracted, Limits


class Read(Protocol):
    """The fixture `read`: bytes, or a zip of members by name, read as a document of this media type."""

    def __call__(
        self, media_type: str, content: bytes | Mapping[str, str], limits: Limits | None = None
    ) -> Extracted: ...
