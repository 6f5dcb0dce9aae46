"""Zip containers that unpack to more than they should, or lie about what is in them."""

from __future__ import annotations

import lzma
import struct

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused
from tests.services.docproc.hostile.office_files import (
    PARAGRAPH,
    book_members,
    cell,
    relations,
    row,
    sheet_xml,
    word,
    word_xml,
    zipped,
)
from tests.services.docproc.hostile.zip_writer import DOCUMENT, STORED, Member, container, member, overlapping, zip64

MIB = 1024 * 1024
CORRUPT, ENCRYPTED, TOO_LARGE, COMPLEX = Code.CORRUPT, Code.ENCRYPTED, Code.TOO_LARGE, Code.TOO_COMPLEX
_SOUND = sheet_xml(row(cell("A1")))


def _blank(size: int) -> str:
    return word_xml(PARAGRAPH + " " * size)


def _many_headers(count: int) -> bytes:
    blank = " " * MIB
    header = f'<w:hdr xmlns:w="urn:w">{blank}</w:hdr>'
    listed = relations(*(("header", f"header{number}.xml") for number in range(count)))
    members = [(f"word/header{number}.xml", header) for number in range(count)]
    return zipped([("word/document.xml", word_xml()), ("word/_rels/document.xml.rels", listed), *members])


def _zips_in_zips(depth: int) -> bytes:
    inner = zipped({"zeros": b"\0" * MIB})
    for _ in range(depth):
        inner = zipped([(f"{number}.zip", inner) for number in range(4)])
    return word(word__embeddings__object1_bin=inner)


def _lzma_of_a_great_window() -> bytes:
    properties = struct.pack("<BI", 93, 0xFFFFFFFF)
    raw = lzma.compress(word_xml().encode(), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1}])
    return container(DOCUMENT.but(method=14, body=struct.pack("<BBH", 9, 4, 5) + properties + raw))


def _truncated(part: float) -> bytes:
    whole = zipped([("word/document.xml", word_xml(PARAGRAPH * 2_000)), ("word/x.bin", b"x" * 999)])
    return whole[: int(len(whole) * part)]


def _linked(name: str) -> Member:
    return member(name, lures.secret_file(), STORED).but(attributes=0o120777 << 16)


def _with_second_end() -> bytes:
    inner = container(member("word/document.xml", word_xml("<w:p><w:r><w:t>hidden</w:t></w:r></w:p>")))
    return container(DOCUMENT, comment=inner[:60_000])


def _shared_target(target: str) -> bytes:
    return word(word___rels__document_xml_rels=relations(("header", target), ("footer", target)))


CASES: tuple[Hostile, ...] = (
    refused("one member that unpacks to 600 times its size", "bomb.docx", lambda: word(" " * 20 * MIB), TOO_LARGE),
    refused("members that are small alone and large together", "bomb.docx", lambda: _many_headers(24), TOO_LARGE),
    read("zips in zips, which nobody opens", "nested.docx", lambda: _zips_in_zips(4)),
    refused(
        "a thousand members of a workbook that share their bytes",
        "overlap.xlsx",
        lambda: overlapping("xl/%d.xml", 1_000, member("xl/0.xml", " " * MIB)),
        *(TOO_LARGE, CORRUPT),
    ),
    refused(
        "sixty thousand members",
        "members.docx",
        lambda: overlapping("word/%d", 60_000, member("word/0", "")),
        TOO_LARGE,
    ),
    refused(
        "a last record that counts more members than there are",
        "count.docx",
        lambda: container(count=9),
        CORRUPT,
        Code.UNSUPPORTED,
    ),
    read("a size in the directory that is too great", "lies.docx", lambda: container(DOCUMENT.but(claimed_size=2**31))),
    refused("a size that is too small", "lies.docx", lambda: container(DOCUMENT.but(claimed_size=10)), CORRUPT),
    either("a packed size beyond the end", "lies.docx", lambda: container(DOCUMENT.but(claimed_packed=2**30)), CORRUPT),
    refused(
        "a member that begins beyond the end",
        "lies.docx",
        lambda: container(DOCUMENT.but(claimed_offset=2**30)),
        CORRUPT,
    ),
    refused("a directory that begins beyond the end", "lies.docx", lambda: container(DOCUMENT, start=2**31), CORRUPT),
    refused(
        "names that differ in the directory", "names.docx", lambda: container(DOCUMENT.but(name=b"word/x")), CORRUPT
    ),
    refused("a wrong checksum", "crc.docx", lambda: container(DOCUMENT.but(crc=1)), CORRUPT),
    refused("a stream that isn't deflate", "noise.docx", lambda: container(DOCUMENT.but(body=b"\xff" * 99)), CORRUPT),
    refused("a method that nobody knows", "method.docx", lambda: container(DOCUMENT.but(method=97)), CORRUPT),
    refused("LZMA that asks for a window of 4 GiB", "lzma.docx", _lzma_of_a_great_window, CORRUPT, COMPLEX),
    refused(
        "a 64-bit directory of 2^60 members",
        "z64.docx",
        lambda: zip64(DOCUMENT, count=2**60, size=90, start=0),
        CORRUPT,
    ),
    refused(
        "a 64-bit directory of 2^62 bytes", "z64.docx", lambda: zip64(DOCUMENT, count=1, size=2**62, start=0), CORRUPT
    ),
    refused(
        "a 64-bit directory that begins at 2^63",
        "z64.docx",
        lambda: zip64(DOCUMENT, count=1, size=9, start=2**63),
        CORRUPT,
    ),
    refused("a member marked as encrypted", "locked.docx", lambda: container(DOCUMENT.but(flags=1)), ENCRYPTED),
    refused("a member sealed with AES", "locked.docx", lambda: container(DOCUMENT.but(flags=1, method=99)), ENCRYPTED),
    *(
        refused(f"cut off after {part:.0%}", "cut.docx", lambda part=part: _truncated(part), CORRUPT)  # type: ignore[misc]
        for part in (0.02, 0.25, 0.5, 0.75, 0.99)
    ),
    refused("no members at all", "none.docx", lambda: b"PK\5\6" + bytes(18), CORRUPT, Code.UNSUPPORTED),
    refused("nothing of what a document needs", "bare.docx", lambda: zipped({"word/x.xml": "<x/>"}), CORRUPT),
    refused("bytes before the container", "before.docx", lambda: b"MZ" + bytes(99) + word(), Code.UNSUPPORTED),
    read(
        "members named like files of the host",
        "up.docx",
        lambda: zipped(
            {"../../../../etc/passwd": lures.SECRET, "/etc/passwd": "x", "C:\\x": "x", "word/document.xml": word_xml()}
        ),
        hides=(lures.SECRET,),
    ),
    read(
        "relations to files of the host",
        "up.docx",
        lambda: _shared_target(f"../../../..{lures.secret_file()}"),
        hides=(lures.SECRET,),
    ),
    read(
        "relations to the host by URL",
        "url.docx",
        lambda: _shared_target(f"file://{lures.secret_file()}"),
        hides=(lures.SECRET,),
    ),
    read("relations to an address", "url.docx", lambda: _shared_target(lures.url())),
    read("a part that is its own header and footer", "loop.docx", lambda: _shared_target("document.xml")),
    refused("a symbolic link for a document", "link.docx", lambda: container(_linked("word/document.xml")), CORRUPT),
    read(
        "the document twice, of which one counts",
        "twice.docx",
        lambda: container(member("word/document.xml", word_xml("<w:p><w:r><w:t>first</w:t></w:r></w:p>")), DOCUMENT),
        RIVER,
        hides=("first",),
    ),
    either("a second container in the comment", "comment.docx", _with_second_end, CORRUPT),
    read(
        "names of 60 kB, with NUL, line ends and marks of direction",
        "names.docx",
        lambda: container(
            DOCUMENT, member(b"word/" + b"n" * 60_000, "x"), member("word/\0a\r\n\u202eb", "x"), member("", "x")
        ),
    ),
    read("a folder 20,000 deep", "deep.docx", lambda: container(DOCUMENT, member("a/" * 20_000, ""))),
    read("an absolute name in capitals", "names.docx", lambda: container(DOCUMENT.but(name=b"/WORD\\DOCUMENT.XML"))),
    read("the types left out", "types.docx", word),
    either(
        "two kinds of document in one",
        "two.docx",
        lambda: zipped({"word/document.xml": word_xml()} | book_members(_SOUND)),
        Code.EMPTY,
    ),
    refused(
        "parts that a workbook doesn't need, and no end of them",
        "parts.xlsx",
        lambda: zipped(book_members(_SOUND) | {f"xl/extra{number}.bin": bytes(2 * MIB) for number in range(9)}),
        TOO_LARGE,
    ),
    read(
        "pictures larger than what may be unpacked of text",
        "album.xlsx",
        lambda: zipped(book_members(_SOUND) | {f"xl/media/{number}.png": bytes(2 * MIB) for number in range(9)}),
    ),
)
