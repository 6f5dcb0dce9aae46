"""PDF by its text layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.docproc.chunking import ChunkOptions, chunk
from services.docproc.parsing import Heading, Limits, parse
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.reading import Read

PDF = "application/pdf"
FIXTURES = Path("../shared/fixtures/documents")
GUIDE = Path("examples/documents/field-guide.pdf")
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<</Font<</F 3 0 R>>>>%b>>"


def stream(content: bytes) -> bytes:
    return b"<</Length %d>>stream\n%b\nendstream" % (len(content), content)


def show(text: bytes) -> bytes:
    return stream(b"BT /F 12 Tf 20 200 Td (%b) Tj ET" % text)


def pdf(*objects: bytes, pages: bytes, catalog: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 4; `pages` are references to those of them that are pages."""
    kids = b"<</Type/Pages/Kids[%b]/Count %d>>" % (pages, pages.count(b"R"))
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate((b"<</Type/Catalog/Pages 2 0 R%b>>" % catalog, kids, FONT, *objects), start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(offsets) + 1
    out_table = b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\n" % (size, table, size)
    return out + out_table + b"startxref\n%d\n%%%%EOF" % len(out)


def code_of(read: Read, content: bytes, limits: Limits | None = None) -> Code:
    with pytest.raises(Permanent) as caught:
        read(PDF, content, limits)
    return caught.value.code


def test_pages_keep_their_numbers_and_those_without_text_are_named(read: Read) -> None:
    """A page with nothing but a drawing is left out with a warning; the page behind it keeps its number."""
    content = pdf(
        *(PAGE % b"/Contents 7 0 R", PAGE % b"/Contents 8 0 R", PAGE % b"/Contents 9 0 R"),
        *(show(b"first"), stream(b"10 10 50 50 re f"), show(b"third")),
        pages=b"4 0 R 5 0 R 6 0 R",
    )
    extracted = read(PDF, content)
    assert [(page.number, page.text) for page in extracted.pages] == [(1, "first"), (3, "third")]
    assert extracted.page_count == 3
    assert extracted.warnings == ("Pages without a text layer, left out: 2",)
    assert code_of(read, content, Limits(max_pages=2)) is Code.TOO_LARGE


def test_a_scan_needs_text_recognition(read: Read) -> None:
    """A document that shows something and has no text at all needs OCR; one that shows nothing is empty."""
    drawing = pdf(PAGE % b"/Contents 5 0 R", stream(b"10 10 50 50 re f"), pages=b"4 0 R")
    assert code_of(read, drawing) is Code.NEEDS_OCR
    assert code_of(read, pdf(PAGE % b"", pages=b"4 0 R")) is Code.EMPTY


@pytest.mark.parametrize("appearance", [b"", b"/AP<</N 7 0 R>>"])
def test_what_was_typed_into_a_form_is_text(read: Read, appearance: bytes) -> None:
    """The content of a form's field is on its page, whether or not the form says how it looks."""
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(n)/V(Ada Lovelace)/Rect[50 50 200 70]/F 4/DA(/F 12 Tf 0 g)%b>>"
    drawn = b"q BT /F 12 Tf 2 2 Td (Ada Lovelace) Tj ET Q"
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 150 20]/Resources<</Font<</F 3 0 R>>>>/Length %d>>stream\n%b\nendstream"
    )
    content = pdf(
        *(PAGE % b"/Contents 6 0 R/Annots[5 0 R]", field % appearance, show(b"Your name:"), form % (len(drawn), drawn)),
        pages=b"4 0 R",
        catalog=b"/AcroForm<</Fields[5 0 R]/NeedAppearances true/DA(/F 12 Tf 0 g)/DR<</Font<</F 3 0 R>>>>>>",
    )
    assert read(PDF, content).text == "Your name:\nAda Lovelace"


def test_ligatures_are_letters(read: Read) -> None:
    """A ligature is read as the letters that it stands for, so that words are found."""
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[1/fi]>>>>"
    page = (PAGE % b"/Contents 5 0 R").replace(b"3 0 R", b"6 0 R")
    assert read(PDF, pdf(page, show(b"\\001nd"), font, pages=b"4 0 R")).text == "find"


def test_the_outline_gives_the_headings() -> None:
    """Bookmarks are the headings of a PDF, and each chunk knows those above it."""
    extracted = parse(GUIDE, PDF, Limits())
    assert extracted.pages[0].headings == (
        Heading(1, "The river and the lake", extracted.pages[0].text.index("The river and the lake")),
    )
    last = chunk(extracted, ChunkOptions())[-1]
    assert (last.page, last.heading_path) == (4, ("Reading the water level",))


def test_a_file_cut_short_is_corrupt_or_read_in_part(read: Read) -> None:
    """Half a PDF ends in a refusal or in a part of its text, never in anything else."""
    whole = GUIDE.read_bytes()
    codes = set()
    for length in range(100, len(whole), 500):
        try:
            read(PDF, whole[:length])
        except Permanent as error:
            codes.add(error.code)
    assert codes <= {Code.CORRUPT, Code.EMPTY}


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the document fixtures are not here")
def test_a_password_is_needed() -> None:
    """A PDF that asks for a password is refused as encrypted."""
    with pytest.raises(Permanent) as caught:
        parse(FIXTURES / "pyp__r6-both-passwords.pdf", PDF, Limits())
    assert caught.value.code is Code.ENCRYPTED
