"""Email and EPUB, which both carry HTML."""

from __future__ import annotations

import base64

import pytest

from services.docproc.parsing import Heading
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.reading import Read

MAIL = "message/rfc822"
EPUB = "application/epub+zip"
HEAD = "Subject: The =?utf-8?q?r=C3=ADo?=\nFrom: Ada <ada@example.org>\nDate: Fri, 16 Dec 2022 17:04:16 -0500\n"
SHOWN = "# The río\n\nFrom: Ada <ada@example.org>\nDate: Fri, 16 Dec 2022 17:04:16 -0500"


def multipart(kind: str, *parts: str) -> str:
    body = "".join(f"--b\n{part}\n" for part in parts)
    return f'{HEAD}Mime-Version: 1.0\nContent-Type: multipart/{kind}; boundary="b"\n\n{body}--b--\n'


PLAIN = "Content-Type: text/plain\n\nplain words"
HTML = "Content-Type: text/html\n\n<p>marked <b>words</b></p><style>x</style>"


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (f"{HEAD}\nHello there", "Hello there"),
        (multipart("alternative", PLAIN, HTML), "plain words"),
        (multipart("alternative", "Content-Type: text/plain\n\n ", HTML), "marked words"),
        (
            multipart("mixed", HTML, "Content-Type: image/png; name=map.png\n\nxx"),
            "marked words\n\nAttachment: map.png",
        ),
        (
            multipart("mixed", PLAIN, "Content-Type: message/rfc822\n\nSubject: Inner\n\ninner words"),
            "plain words\n\n## Inner\n\ninner words",
        ),
    ],
)
def test_a_message_is_its_headers_and_its_body(read: Read, message: str, body: str) -> None:
    """The headers that people read come first, then the plainest body there is, then what is attached."""
    extracted = read(MAIL, message.encode())
    assert extracted.text == f"{SHOWN}\n\n{body}"
    assert extracted.pages[0].headings[0] == Heading(1, "The río", 0)


def test_the_body_is_decoded(read: Read) -> None:
    """Transfer encodings and charsets are undone, also a charset that the message names wrongly."""
    body = base64.encodebytes("Grüße aus Zürich".encode("cp1252")).decode()
    head = "Subject: x\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Type: text/plain; charset={}\n\n"
    for charset in ("iso-8859-1", "no-such-charset", "us-ascii"):
        assert read(MAIL, (head.format(charset) + body).encode()).text == "# x\n\nGrüße aus Zürich"


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig"])
def test_a_message_saved_by_an_editor_is_read(read: Read, charset: str) -> None:
    """A message that was saved as UTF-16 or with a byte order mark is a message still."""
    assert read(MAIL, f"{HEAD}\nHello".encode(charset)).text == f"{SHOWN}\n\nHello"


def test_a_sealed_message_is_encrypted(read: Read) -> None:
    """A body that only its addressee can open is refused."""
    with pytest.raises(Permanent) as caught:
        read(MAIL, multipart("encrypted", "Content-Type: application/octet-stream\n\nxx").encode())
    assert caught.value.code is Code.ENCRYPTED


def book(**extra: str) -> dict[str, str]:
    body = "<head><title>t</title></head><body><h1>{0}</h1><p>{0} text</p></body>"
    chapter = f'<html xmlns="http://www.w3.org/1999/xhtml">{body}</html>'
    return {
        "mimetype": EPUB,
        "META-INF/container.xml": (
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
        ),
        "OPS/book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
            '<item id="a" href="one%20a.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="b" href="text/two.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="c" href="missing.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/><itemref idref="none"/></spine>'
            "</package>"
        ),
        "OPS/one a.xhtml": chapter.format("One"),
        "OPS/text/two.xhtml": chapter.format("Two"),
        **extra,
    }


def locked(name: str) -> dict[str, str]:
    return {"META-INF/encryption.xml": f'<encryption><CipherReference URI="{name}"/></encryption>'}


@pytest.mark.parametrize("extra", [{}, locked("OPS/font.otf")])
def test_a_book_is_read_in_the_order_of_its_spine(read: Read, extra: dict[str, str]) -> None:
    """Chapters are pages in reading order, whatever is missing, and obfuscated fonts do no harm."""
    extracted = read(EPUB, book(**extra))
    assert extracted.page_count == 3
    assert [(page.number, page.text) for page in extracted.pages] == [
        (1, "# Two\n\nTwo text"),
        (2, "# One\n\nOne text"),
    ]
    assert [heading.title for page in extracted.pages for heading in page.headings] == ["Two", "One"]


def test_a_missing_chapter_keeps_its_number(read: Read) -> None:
    """The number is the chapter's place in the reading order, not a count of what could be read."""
    members = book()
    del members["OPS/text/two.xhtml"]
    assert [page.number for page in read(EPUB, members).pages] == [2]


def test_a_book_behind_drm_is_encrypted(read: Read) -> None:
    """Chapters that are encrypted make the book unreadable."""
    with pytest.raises(Permanent) as caught:
        read(EPUB, book(**locked("OPS/text/two.xhtml")))
    assert caught.value.code is Code.ENCRYPTED
