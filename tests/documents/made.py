"""What a document with known content is: its bytes, and what must become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import Code

Bytes = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Made:
    """`strings` must be found in its text, `pages` by their numbers in that of the page, `forbidden` nowhere.

    With a `refusal` it must fail with this code, and none of them counts. `media_type` is the one its bytes tell, None
    where they tell none. `page_count` is that of formats with pages.
    """

    file: str
    make: Bytes
    media_type: str | None
    strings: tuple[str, ...] = ()
    pages: Mapping[int, tuple[str, ...]] | None = None
    forbidden: tuple[str, ...] = ()
    page_count: int | None = None
    refusal: Code | None = None
    tags: tuple[str, ...] = ()

    @property
    def line(self) -> dict[str, Any]:
        """Its line in the manifest."""
        probes = [{"s": text, "page": page} for page, texts in (self.pages or {}).items() for text in texts]
        known = {
            "file": self.file,
            "format": self.file.rpartition(".")[2],
            "kind": "hostile" if self.refusal else "normal",
            "media_type": self.media_type,
            "expected_strings": [*self.strings, *(probe["s"] for probe in probes)],
            "expected_pages": self.page_count,
            "page_probes": probes,
            "forbidden_strings": [*self.forbidden],
            "expect": _expect(self.refusal) if self.refusal else None,
            "tags": [*self.tags],
        }
        always = ("expected_strings",)
        return {name: value for name, value in known.items() if value or name in always}


def refused(file: str, make: Bytes, code: Code, media_type: str | None, *tags: str) -> Made:
    return Made(file, make, media_type, refusal=code, tags=tags)


def _expect(code: Code) -> str:
    return "no_text_needs_ocr" if code is Code.NEEDS_OCR else f"reject_{code}"
