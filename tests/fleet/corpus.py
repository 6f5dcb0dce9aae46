"""Many different documents out of a few: each a copy that differs in bytes where no reader sees it, or in a line."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"


def corpus(folder: Path, number: int) -> list[Path]:
    """`number` files in `folder`, no two with the same bytes, of all the formats of the examples."""
    originals = sorted(path for path in EXAMPLES.iterdir() if path.is_file())
    assert originals, f"no example documents in {EXAMPLES}"
    folder.mkdir(parents=True, exist_ok=True)
    return [path for _, path in zip(range(number), _copies(folder, originals), strict=False)]


def _copies(folder: Path, originals: list[Path]) -> Iterator[Path]:
    for place, original in zip(count(), cycle(originals), strict=False):
        path = folder / f"{place:04d}-{original.name}"
        path.write_bytes(original.read_bytes())
        _differ(path, place)
        yield path


def _differ(path: Path, place: int) -> None:
    if path.suffix in {".docx", ".pptx", ".xlsx", ".epub"}:
        with zipfile.ZipFile(path, "a") as archive:
            archive.comment = f"copy {place}".encode()
    elif path.suffix == ".pdf":
        with path.open("ab") as file:
            file.write(f"\n% copy {place}\n".encode())
    elif path.suffix == ".html":
        with path.open("ab") as file:
            file.write(f"\n<!-- copy {place} -->\n".encode())
    else:
        with path.open("ab") as file:
            file.write(f"\ncopy {place}\n".encode())
