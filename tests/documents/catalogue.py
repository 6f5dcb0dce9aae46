"""The whole set of documents with known content, and where it lies."""

from __future__ import annotations

import json
from pathlib import Path

from tests.documents import mail_files, office_files, open_documents, pdf_files, text_files, web_files
from tests.documents.made import Made

FILES = Path(__file__).parent / "files"
MANIFEST = "manifest.jsonl"
FAMILIES = (pdf_files, office_files, open_documents, web_files, mail_files, text_files)
SET: tuple[Made, ...] = tuple(made for family in FAMILIES for made in family.MADE)


def manifest() -> str:
    """A line for each document."""
    return "".join(json.dumps(made.line, ensure_ascii=False) + "\n" for made in SET)


def write(folder: Path) -> None:
    """Replaces what is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for made in SET:
        (folder / made.file).write_bytes(made.make())
    (folder / MANIFEST).write_text(manifest(), encoding="utf-8")
