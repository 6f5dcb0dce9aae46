"""Many different documents out of a few: each a copy that differs in bytes where no reader sees it, or in a line."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"


def corpus(folder: Path, number: int, *, first: int = 0) -> list[Path]:
    """`number` files in `folder`, no two with the same bytes, of all the formats of the examples.

    Another `first` (counting copies) gives other bytes, for a second run that must not be a repetition of the first.
    """
    originals = sorted(path for path in EXAMPLES.iterdir() if path.is_file())
    assert originals, f"no example documents in {EXAMPLES}"
    folder.mkdir(parents=True, exist_ok=True)
    return [path for _, path in zip(range(number), _copies(folder, originals, first), strict=False)]


def _copies(folder: Path, originals: list[Path], first: int) -> Iterator[Path]:
    for place, original in zip(count(first), cycle(originals), strict=False):
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
