"""Sound documents with a few bytes, values or passages other than they were: read or refused, and never a bug."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.docproc.parsing import Limits
from services.docproc.pool import ParserPool, PoolOptions
from shared.errors import Code, Permanent
from shared.media_types import sniff
from shared.topics import MIB
from tests.services.docproc.hostile.mutations import spoiled
from tests.services.docproc.hostile.office_files import book, cell, epub, relations, row, shape, sheet_xml, slides, word
from tests.services.docproc.hostile.pdf_files import pdf

STYLES = (
    '<w:styles xmlns:w="urn:w"><w:style w:styleId="a"><w:name w:val="heading 1"/><w:basedOn w:val="b"/></w:style>'
    "</w:styles>"
)
LISTED = (
    '<w:p><w:pPr><w:pStyle w:val="a"/><w:numPr><w:ilvl w:val="1"/><w:numId w:val="3"/></w:numPr>'
    '<w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>river</w:t><w:sym w:char="F0B7"/></w:r></w:p>'
    '<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p/></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl>'
)
DATED = (
    '<c r="B1" s="1"><v>45000</v></c><c r="C1" t="b"><v>1</v></c><c r="D1" t="d"><v>2026-01-02</v></c>'
    '<c r="E1" t="e"><v>#N/A</v></c>'
)
MAIL = (
    b"From: a <a@example.org>\r\nTo: b\r\nSubject: =?utf-8?b?cml2ZXI=?=\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
    b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain; charset="koi8-r"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\ncml2ZXI=\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\n\r\nriver\r\n--x\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''a%20b\r\n\r\nx\r\n--x--\r\n"
)
SOUND = {
    "styled.docx": word(
        LISTED * 3, word___rels__document_xml_rels=relations(("styles", "styles.xml")), word__styles_xml=STYLES
    ),
    "levels.pptx": slides(shape(properties='<a:pPr lvl="2"/>'), "<a:tbl><a:tr><a:tc/></a:tr></a:tbl>"),
    "types.xlsx": book(sheet_xml(row(cell("A1"), DATED))),
    "one.epub": epub(),
    "parts.eml": MAIL,
    "form.pdf": pdf(),
    "letter.rtf": b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset204 x;}}\\f0 a \\u8364? \\'e9\\par{\\*\\x y}}",
    "page.html": b'<html><meta charset="koi8-r"><h1>a</h1><ol start="3"><li>b<table><tr><td colspan="2">c</table></ol>',
    "table.csv": b'a;"b\nc";d\n1;2;3\n',
    "notes.md": b"# a\n\n- b\n\n> c\n\n| d | e |\n| - | - |\n| f | g |\n\n[h]: <i>\n",
    "wide.txt": "the river begins here".encode("utf-16"),
} | {path.name: path.read_bytes() for path in sorted(Path("examples/documents").iterdir()) if path.is_file()}
SEEDS = 20
REFUSALS = {
    Code.EMPTY,
    Code.CORRUPT,
    Code.UNSUPPORTED,
    Code.ENCRYPTED,
    Code.NEEDS_OCR,
    Code.TOO_LARGE,
    Code.TOO_COMPLEX,
}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    limits = Limits(max_pages=200, max_chars=2_000_000, max_chunks=5_000, max_unpacked_bytes=16 * MIB)
    async with ParserPool(PoolOptions(workers=2, memory_bytes=1024 * MIB, limits=limits)) as started:
        yield started


@pytest.mark.parametrize("name", SOUND)
async def test_a_spoiled_document_is_read_or_refused(name: str, pool: ParserPool, tmp_path: Path) -> None:
    """None of the mutations ends as an error that nobody foresaw, which would be tried again and go to the operator."""

    async def outcome(seed: int) -> Code | None:
        document = spoiled(SOUND[name], seed)
        path = tmp_path / str(seed)
        path.write_bytes(document)
        try:
            await pool.run(path, sniff(document, name, None))
        except Permanent as error:
            return error.code
        return None

    outcomes = await asyncio.gather(*map(outcome, range(SEEDS)))
    assert {each for each in outcomes if each} <= REFUSALS
