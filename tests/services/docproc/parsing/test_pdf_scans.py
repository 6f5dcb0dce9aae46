"""PDF: pages that are pictures of text."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from services.docproc.parsing import Limits
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.pdfs import PICTURE, at, lines, one_page, paged, stream
from tests.services.docproc.parsing.reading import Read

PDF = "application/pdf"
MIXED = paged(at(20, 200, "first"), b"10 10 50 50 re f", at(20, 200, "third"))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `tesseract` is looked for: nothing is there until a test writes it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    others = (each for each in os.environ["PATH"].split(os.pathsep) if shutil.which("tesseract", path=each) is None)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), *others]))
    return folder / "tesseract"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def refusal(read: Read, content: bytes, limits: Limits | None = None) -> Permanent:
    with pytest.raises(Permanent) as caught:
        read(PDF, content, limits)
    return caught.value


def test_scans_among_pages_are_named(read: Read, program: Path) -> None:
    """A page without text is left out with a warning; the page behind it keeps its number."""
    extracted = read(PDF, MIXED)
    assert [(page.number, page.text) for page in extracted.pages] == [(1, "first"), (3, "third")]
    assert extracted.page_count == 3
    assert extracted.warnings == ("Scans not read, since Tesseract is not installed: pages 2",)
    assert refusal(read, MIXED, Limits(max_pages=2)).code is Code.TOO_LARGE


def test_a_document_of_scans_needs_text_recognition(read: Read, program: Path) -> None:
    """A document that shows something and has no text is refused, with what helps; one that shows nothing is empty."""
    error = refusal(read, one_page(PICTURE))
    assert error.code is Code.NEEDS_OCR
    assert "Tesseract" in str(error)
    assert refusal(read, one_page(b"")).code is Code.EMPTY


def test_a_stamp_on_a_scan_does_not_make_it_text(read: Read, program: Path) -> None:
    """A picture as large as the page with a few letters over it is a scan, and its letters are kept."""
    extracted = read(PDF, one_page(PICTURE + at(20, 20, "Scanned by Scanner")))
    assert extracted.text == "Scanned by Scanner"
    assert extracted.warnings


def test_text_over_a_picture_is_text(read: Read, program: Path) -> None:
    """A scan that has been through text recognition has its text, and nothing is to be said of it."""
    texts = [f"a line of recognised text, number {count}" for count in range(5)]
    extracted = read(PDF, one_page(PICTURE + lines(20, 250, *texts)))
    assert texts[4] in extracted.text
    assert extracted.warnings == ()


def test_a_font_without_names_is_a_scan(read: Read, program: Path) -> None:
    """Letters of which nobody knows what they mean are no text layer."""
    names = b"/CIDInit/ProcSet findresource begin begincmap 1 beginbfrange <20> <7E> <E020> endbfrange endcmap end"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 7 0 R>>"
    content = one_page(at(20, 200, "some text of private meaning"), font, stream(names)).replace(
        b"/F 3 0 R", b"/F 6 0 R"
    )
    assert read(PDF, content).warnings
    write(program, "cat >/dev/null; echo some text of private meaning")
    assert read(PDF, content).text == "some text of private meaning"


def test_tesseract_reads_the_scans(read: Read, program: Path) -> None:
    """Each scan is given to it as a picture of 300 dots per inch, with the languages set; its text is the page's."""
    seen = program.parent / "seen"
    write(program, f'echo "$@" >{seen}; head -c 16 >>{seen}; cat >/dev/null; printf "read from the pic-\\nture\\n\\f"')
    extracted = read(PDF, MIXED, Limits(ocr_languages="deu+eng"))
    assert [(page.number, page.text) for page in extracted.pages][:2] == [(1, "first"), (2, "read from the picture")]
    assert extracted.warnings == ()
    assert seen.read_text() == "stdin stdout -l deu+eng --psm 1 --dpi 300\nP5 1250 1250 255"


def test_folders_that_cannot_be_read_are_passed_over(
    read: Read, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a PATH of which some folders are closed to this user, or are none, Tesseract is found where it is."""
    write(program, "cat >/dev/null; echo read from the picture")
    closed, missing, file = tmp_path / "closed", tmp_path / "missing", tmp_path / "file"
    closed.mkdir(mode=0)
    file.touch()
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, (closed, missing, file)), os.environ["PATH"]]))
    assert read(PDF, one_page(PICTURE)).text == "read from the picture"


def test_a_scan_without_letters_is_empty(read: Read, program: Path) -> None:
    """Where recognition finds nothing, there is nothing."""
    write(program, "cat >/dev/null")
    assert refusal(read, one_page(PICTURE)).code is Code.EMPTY


def test_recognition_that_fails_is_told(read: Read, program: Path) -> None:
    """What Tesseract says, such as of a language that is missing, reaches the sender; the other pages are read."""
    write(program, "cat >/dev/null; echo no such language >&2; exit 1")
    assert read(PDF, MIXED).warnings == ("Scans not read, since Tesseract failed: no such language: pages 2",)
    error = refusal(read, one_page(PICTURE))
    assert (error.code, "no such language" in str(error)) == (Code.NEEDS_OCR, True)


def test_recognition_has_an_end(read: Read, program: Path) -> None:
    """Scans for which the time doesn't suffice are named; a document of them is refused as `timed_out`."""
    write(program, "exec sleep 100")
    limits = Limits(ocr_seconds=0.3)
    assert read(PDF, MIXED, limits).warnings == ("Scans not read for want of time: pages 2",)
    assert refusal(read, paged(PICTURE, PICTURE, at(20, 200, "text")), limits).code is Code.TIMED_OUT


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed here")
def test_a_real_scan_is_read(read: Read) -> None:
    """A page that is only a picture of words gives the words."""
    words = ("The heron stands in the shallow", "water of the river and waits.")
    with pdfium.PdfDocument(one_page(lines(20, 200, *words))) as document:
        bitmap = document[0].render(scale=4, grayscale=True)
        rows, stride = bytes(bitmap.buffer), bitmap.stride
        grey = b"".join(rows[y * stride : y * stride + bitmap.width] for y in range(bitmap.height))
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8"
    picture = stream(grey, entries=entries % (bitmap.width, bitmap.height))
    scan = one_page(b"q 300 0 0 300 0 0 cm /I Do Q", picture).replace(b"/Font<<", b"/XObject<</I 6 0 R>>/Font<<")
    assert " ".join(read(PDF, scan).text.split()) == " ".join(words)
