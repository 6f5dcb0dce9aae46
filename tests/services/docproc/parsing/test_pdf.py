"""PDF by its text layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.docproc.chunking import ChunkOptions, chunk
from services.docproc.parsing import Heading, Limits, parse
from shared.errors import Code, Permanent
from tests.documents.catalogue import FILES
from tests.documents.sources import REAL, real
from tests.services.docproc.parsing.pdfs import PAGE, at, one_page, pdf, show, with_empty_password
from tests.services.docproc.parsing.reading import Read

PDF = "application/pdf"
GUIDE = Path("examples/documents/field-guide.pdf")


def code_of(read: Read, content: bytes, limits: Limits | None = None) -> Code:
    with pytest.raises(Permanent) as caught:
        read(PDF, content, limits)
    return caught.value.code


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


@pytest.mark.parametrize("aes", [False, True])
def test_an_empty_password_opens(read: Read, aes: bool) -> None:
    """A PDF that is encrypted only to restrict printing or copying is read, with RC4 and with AES."""
    assert read(PDF, with_empty_password(at(20, 200, "not secret"), aes=aes)).text == "not secret"


def test_letters_of_tex_without_names_are_ligatures(read: Read) -> None:
    """Old fonts of TeX show ligatures at control codes; the words are whole all the same."""
    content = one_page(
        b"BT /F 12 Tf 20 200 Td (a di\\013erent \\014rst e\\016cient \\015ow) Tj ET".replace(b"\\\\", b"\\")
    )
    assert read(PDF, content).text == "a different first efficient flow"


def test_text_beside_the_page_is_not_on_it(read: Read) -> None:
    """What lies outside of a page's edges nobody sees, so it isn't read."""
    content = one_page(at(20, 200, "on the page") + at(20, 700, "above it") + at(900, 200, "beside it"))
    assert read(PDF, content).text == "on the page"


@pytest.mark.parametrize("path", [FILES / "password.pdf", real(REAL / "pyp__r6-both-passwords.pdf")])
def test_a_password_is_needed(path: Path) -> None:
    """A PDF that asks for a password is refused as encrypted, whether RC4 or AES of 256 bits hides it."""
    with pytest.raises(Permanent) as caught:
        parse(path, PDF, Limits())
    assert caught.value.code is Code.ENCRYPTED
