"""Email as Outlook saves it."""

from __future__ import annotations

import datetime as dt

import pytest
from compressed_rtf.compressed_rtf import compress

from services.docproc.parsing import Heading, Limits
from shared.errors import Code, Permanent
from tests.services.docproc.parsing.compound import Tree, compound
from tests.services.docproc.parsing.outlook import attachments, binary, inner, item, message
from tests.services.docproc.parsing.reading import Read

MSG = "application/vnd.ms-outlook"
SENT = dt.datetime(2022, 12, 16, 22, 4, 16, tzinfo=dt.UTC)
ADA = {0x0042: "Ada", 0x5D02: "ada@example.org"}


def test_a_message_has_the_head_of_every_email(read: Read) -> None:
    """Subject, From, To, Cc and Date stand as they do in other email; an address of Exchange's own is left out."""
    ticks = (SENT - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 10
    people = [
        item(8, {0x3001: "Grace", 0x39FE: "grace@example.org"}, values={0x0C15: 1}),
        item(8, {0x3001: "joan@example.org", 0x3003: "joan@example.org", 0x3002: "SMTP"}, values={0x0C15: 1}),
        item(8, {0x3001: "Edith", 0x3003: "/O=FIRM/CN=E", 0x3002: "EX"}, values={0x0C15: 2}),
        item(8, {0x3001: "hidden@example.org"}, values={0x0C15: 3}),
    ]
    recipients = {f"__recip_version1.0_#{number:08X}": each for number, each in enumerate(people)}
    texts = ADA | {0x0037: "The río", 0x1000: "Hello\r\nthere"}
    extracted = read(MSG, message(texts, recipients, values={0x0039: ticks}))
    assert extracted.text == (
        "# The río\n\nFrom: Ada <ada@example.org>\nTo: Grace <grace@example.org>, joan@example.org\nCc: Edith\n"
        "Date: Fri, 16 Dec 2022 22:04:16 +0000\n\nHello\nthere"
    )
    assert extracted.pages[0].headings == (Heading(1, "The río", 0),)
    assert (extracted.page_count, extracted.pages[0].number) == (None, None)


PACKED = compress(rb"{\rtf1\ansi packed {\b words} packed words packed words\par}")
HTML = "<p>marked <b>wörds</b></p><style>x</style>"


@pytest.mark.parametrize(
    ("texts", "values", "streams", "body"),
    [
        ({0x1000: "plain"}, {}, binary(0x1013, b"<p>marked"), "plain"),
        ({0x1000: " \r\n"}, {0x3FDE: 28591}, binary(0x1013, HTML.encode("latin-1")), "marked wörds"),
        ({}, {0x3FDE: 65001}, binary(0x1013, HTML.encode()), "marked wörds"),
        ({0x1013: HTML}, {}, {}, "marked wörds"),
        ({}, {}, binary(0x1009, PACKED), "packed words packed words packed words"),
        ({}, {0x3FFD: 1251}, {"__substg1.0_1000001E": "Привет, река".encode("cp1251")}, "Привет, река"),
    ],
)
def test_the_plainest_body_is_read(
    read: Read, texts: dict[int, str], values: dict[int, int], streams: Tree, body: str
) -> None:
    """Plain text, else HTML, else packed RTF, each in its charset."""
    assert read(MSG, message({0x0037: "s"} | texts, streams, values=values)).text == f"# s\n\n{body}"


def test_attachments_and_messages_within_are_read(read: Read) -> None:
    """A file stands under its name, a message under its subject, one level deeper each."""
    note = item(8, {0x3707: "note.html"}, binary(0x3701, b"<h1>Banks</h1><p>are high"))
    nested = inner({0x0037: "Inner", 0x1000: "inner words"}, attachments(note))
    picture = item(8, {0x3704: "MAP.PNG"}, binary(0x3701, b"\x89PNG\r\n\x1a\n" + bytes(60)))
    decoration = item(8, {0x3707: "logo.png"}, binary(0x3701, b"\x89PNG\r\n\x1a\n"), values={0x3714: 4})
    table = item(8, {0x3707: "levels.csv"}, binary(0x3701, b"river,level\nCauce,2\n" * 300))
    extracted = read(MSG, message({0x0037: "Outer"}, attachments(nested, picture, decoration, table)))
    assert extracted.text.startswith(
        "# Outer\n\n## Inner\n\ninner words\n\n### note.html\n\n# Banks\n\nare high\n\nAttachment: MAP.PNG\n\n"
        "## levels.csv\n\n| river | level |\n| --- | --- |\n| Cauce | 2 |"
    )
    assert [(each.level, each.title) for each in extracted.pages[0].headings] == [
        (1, "Outer"),
        (2, "Inner"),
        (3, "note.html"),
        (4, "Banks"),
        (2, "levels.csv"),
    ]
    (warning,) = extracted.warnings
    assert warning.startswith("Left out, `MAP.PNG`: This is `image/png`")


def test_messages_within_messages_end_somewhere(read: Read) -> None:
    """What is attached deeper than the limit leaves its name and a warning."""
    deep = inner({0x0037: "third"})
    for subject in ("second", "first"):
        deep = inner({0x0037: subject}, attachments(deep))
    extracted = read(MSG, message({0x0037: "top"}, attachments(deep)), Limits(max_depth=2))
    assert extracted.text == "# top\n\n## first\n\n### second\n\nAttachment: the inner one"
    assert extracted.warnings == ("Left out, `the inner one`: It is attached too deep",)


@pytest.mark.parametrize(("kind", "sealed"), [("IPM.Note.SMIME", True), ("IPM.Note.SMIME.MultipartSigned", False)])
def test_a_sealed_message_is_encrypted(read: Read, kind: str, sealed: bool) -> None:
    """A message that only its addressee can open is refused, one that is only signed is read."""
    signed = b'Content-Type: multipart/signed; boundary="b"\r\n\r\n--b\r\n\r\nsigned words\r\n--b--\r\n'
    part = item(8, {0x3707: "smime.p7m", 0x370E: "multipart/signed"}, binary(0x3701, signed))
    content = message({0x001A: kind, 0x0037: "s"}, attachments(part))
    if sealed:
        with pytest.raises(Permanent) as caught:
            read(MSG, content)
        assert caught.value.code is Code.ENCRYPTED
    else:
        assert "signed words" in read(MSG, content).text


@pytest.mark.parametrize(
    "content",
    [
        message({0x0037: "s", 0x1000: "words " * 2000})[:5000],
        compound({"WordDocument": bytes(100)}),
        message({0x0037: "s"}, binary(0x1009, b"x" * 40)),
        message({0x0037: "s"}, binary(0x1009, PACKED[:-3] + b"abc")),
    ],
)
def test_a_damaged_message_is_corrupt(read: Read, content: bytes) -> None:
    """A file that was cut, one that is no message, and a body that can't be unpacked are corrupt."""
    with pytest.raises(Permanent) as caught:
        read(MSG, content)
    assert caught.value.code is Code.CORRUPT


def test_a_message_without_text_is_empty(read: Read) -> None:
    """A message with neither subject nor body nor people has no text."""
    with pytest.raises(Permanent) as caught:
        read(MSG, message({}))
    assert caught.value.code is Code.EMPTY
