"""The committed documents are those that their makers make, of every kind, and everything in them is found."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from benchmarks.manifests import read_manifest
from benchmarks.report_documents import read_documents, score, shares
from services.docproc.parsing import PARSERS
from shared.errors import Code
from tests.documents.catalogue import FILES, MANIFEST, SET, manifest
from tests.documents.made import Made
from tests.documents.pdf_files import scan
from tests.documents.sources import REAL, real

DRAWN = "scan.pdf"
"""Letters as the installed pdfium draws them: another release's may differ at their edges."""
LARGEST = 600_000
REFUSALS = {Code.EMPTY, Code.UNSUPPORTED, Code.ENCRYPTED, Code.CORRUPT, Code.NEEDS_OCR}


def members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


@pytest.mark.parametrize("made", [each for each in SET if each.file != DRAWN], ids=lambda made: made.file)
def test_what_is_committed_is_what_is_made(made: Made) -> None:
    """To the byte; of a zip its members, since another zlib packs them otherwise. `python -m tests.documents` writes
    them anew."""
    committed, anew = (FILES / made.file).read_bytes(), made.make()
    if zipfile.is_zipfile(io.BytesIO(anew)):
        assert members(committed) == members(anew)
    else:
        assert committed == anew


def grey(content: bytes) -> list[int]:
    with pdfium.PdfDocument(content) as document:
        bitmap = document[0].render(scale=1, grayscale=True)
        return [*bytes(bitmap.buffer)]


def test_the_scan_shows_what_is_made() -> None:
    """The same picture, but for a hundredth of its points."""
    committed, anew = grey((FILES / DRAWN).read_bytes()), grey(scan())
    assert len(committed) == len(anew)
    assert sum(abs(one - other) > 64 for one, other in zip(committed, anew, strict=True)) < len(anew) / 100
    assert sum(each < 128 for each in committed) > len(anew) / 500


def test_the_set_is_whole_and_small() -> None:
    """The manifest is the one that is made, each of its files is there and no other, and together they are small."""
    assert (FILES / MANIFEST).read_text(encoding="utf-8") == manifest()
    assert {path.name for path in FILES.iterdir()} == {MANIFEST, *(made.file for made in SET)}
    assert sum(path.stat().st_size for path in FILES.iterdir()) < LARGEST


def test_every_kind_that_is_read_is_in_the_set() -> None:
    """A format that the product learns to read needs a document here; so does each way of refusing one by its bytes."""
    assert {made.media_type for made in SET if not made.refusal} == set(PARSERS)
    assert {made.refusal for made in SET if made.refusal} == REFUSALS
    assert all(made.strings or made.pages for made in SET if not made.refusal)


@pytest.mark.parametrize(("folder", "least"), [pytest.param(FILES, 1.0, id="ours"), real(REAL, 0.97)])
async def test_what_stands_in_them_is_found(folder: Path, least: float) -> None:
    """Every document is read or refused as it should be, and what it says is found, on its page."""
    expectations = read_manifest(folder)
    scores = score(expectations, await read_documents(folder, [each.file for each in expectations]))
    assert [(each.expectation.file, each.wrong) for each in scores if each.wrong] == []
    found, placed = shares(scores)
    assert found >= least, [(each.expectation.file, each.missing) for each in scores if each.missing]
    assert placed == 1
