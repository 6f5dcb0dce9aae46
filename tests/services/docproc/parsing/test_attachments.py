"""What is attached to an email is a part of the same document."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.docproc.parsing import Limits, parse
from services.docproc.parsing.mail import Mail
from shared.errors import Code, Permanent, Transient
from tests.services.docproc.parsing.opendocument import cell, opendocument, paragraph, row, table
from tests.services.docproc.parsing.reading import Read

MAIL = "message/rfc822"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(40)


def zipped(members: Mapping[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def attached(name: str, content: bytes, kind: str = "application/octet-stream", *fields: str) -> str:
    head = [f'Content-Type: {kind}; name="{name}"', "Content-Transfer-Encoding: base64", *fields]
    return "\n".join(head) + "\n\n" + base64.encodebytes(content).decode()


def mail(*parts: str, subject: str = "s", kind: str = "mixed") -> bytes:
    edge = f"edge-{subject}"
    body = "".join(f"--{edge}\n{part}\n" for part in ("Content-Type: text/plain\n\nbody", *parts))
    head = f"Subject: {subject}\nFrom: a@b.example\nDate: Fri, 16 Dec 2022 17:04:16 -0500\nMime-Version: 1.0\n"
    return f'{head}Content-Type: multipart/{kind}; boundary="{edge}"\n\n{body}--{edge}--\n'.encode()


def tail(text: str) -> str:
    """What stands after the body of the outermost email."""
    return text.split("body", 1)[1].lstrip()


TEXT = zipped(opendocument("text", '<text:h text:outline-level="1">Banks</text:h>' + paragraph("are high")))
SHEET_MEMBERS = opendocument("sheet", table(row(cell("x")), name="A") + table(row(cell("y")), name="B"))
SHEETS = zipped(SHEET_MEMBERS)
ONE_AND_A_HALF = len(SHEET_MEMBERS["content.xml"]) * 3 // 2


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (attached("banks.odt", TEXT), "## banks.odt\n\n# Banks\n\nare high"),
        (attached("wrong-name.png", TEXT, "image/png"), "## wrong-name.png\n\n# Banks\n\nare high"),
        (attached("a.ods", SHEETS), "## a.ods\n\n## A\n\n| x |\n| --- |\n\n## B\n\n| y |\n| --- |"),
        (attached("l.csv", b"a;b\n1;2\n", "text/csv"), "## l.csv\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"),
        (attached("p.html", b"<h1>T</h1><script>x</script>"), "## p.html\n\n# T"),
        (attached("data.json", b'{"a": 1}', "application/json"), '## data.json\n\n{"a": 1}'),
        (attached("n.txt", "größer".encode("cp850"), "text/plain; charset=cp850"), "## n.txt\n\ngrößer"),
        (attached("n.rtf", rb"{\rtf1\ansi rich}", "application/rtf"), "## n.rtf\n\nrich"),
        (attached("inner.eml", mail(subject="inner")), "## inner.eml\n\n# inner\n\nFrom: a@b.example"),
        ("Content-Type: text/rtf\n\n{\\rtf1\\ansi rich body}", "rich body"),
        (attached("logo.png", PNG, "image/png", "Content-ID: <logo>"), ""),
        (attached("style.css", b"p {}", "text/css", "Content-Location: style.css"), ""),
        (attached("smime.p7s", bytes(9), "application/pkcs7-signature"), ""),
    ],
)
def test_an_attachment_is_read_by_what_its_bytes_are(read: Read, part: str, expected: str) -> None:
    """Each is read by the reader of its format under its name; what decorates or signs the body adds nothing."""
    extracted = read(MAIL, mail(part))
    assert tail(extracted.text).startswith(expected)
    assert bool(tail(extracted.text)) is bool(expected)
    assert (extracted.warnings, extracted.page_count, extracted.pages[0].number) == ((), None, None)


def test_headings_of_attachments_stand_below_its_name(read: Read) -> None:
    """A chunk of an attachment says in its path of headings which email and which attachment it comes from."""
    extracted = read(MAIL, mail(attached("banks.odt", TEXT)))
    headings = extracted.pages[0].headings
    assert [(each.level, each.title) for each in headings] == [(1, "s"), (2, "banks.odt"), (3, "Banks")]
    assert [extracted.text[each.start :].split("\n")[0] for each in headings] == ["# s", "## banks.odt", "# Banks"]


LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("scan.png", PNG, "This is `image/png`, which can't be read"),
        ("old.doc", LOCKED, "This is a Word or PowerPoint file of before 2007"),
        ("secret.docx", LOCKED, "The document is protected by a password"),
        ("cut.odt", TEXT[:200], "The OpenDocument text is damaged"),
        ("blank.txt", b" \n", "The document holds no text"),
        ("nothing.pdf", b"", "The file is empty"),
        ("all.zip", zipped({"a.txt": "x"}), "This is a ZIP archive"),
    ],
)
def test_what_cannot_be_read_leaves_its_name_and_a_warning(read: Read, name: str, content: bytes, why: str) -> None:
    """An attachment that is refused doesn't take the email with it, and what follows it is read."""
    extracted = read(MAIL, mail(attached(name, content), attached("after.txt", b"after")))
    assert tail(extracted.text) == f"Attachment: {name}\n\n## after.txt\n\nafter"
    (warning,) = extracted.warnings
    assert warning.startswith(f"Left out, `{name}`: {why}")


def test_warnings_of_attachments_carry_their_names(read: Read) -> None:
    """What an attachment's own reader warns of is told, also from an email within the email."""
    extracted = read(MAIL, mail(attached("inner.eml", mail(attached("scan.png", PNG), subject="inner"))))
    (warning,) = extracted.warnings
    assert warning.startswith("`inner.eml`: Left out, `scan.png`: ")


@pytest.mark.parametrize("as_message", [True, False])
def test_attachments_of_attachments_are_read_to_a_depth(read: Read, as_message: bool) -> None:
    """Three levels are read, whether emails are attached as emails or as files; the fourth leaves its name."""
    content = b"deepest"
    part = attached("deepest.txt", content)
    for level in (3, 2, 1):
        inner = mail(part, subject=f"level{level}")
        part = f"Content-Type: message/rfc822\n\n{inner.decode()}" if as_message else attached(f"{level}.eml", inner)
    extracted = read(MAIL, mail(part))
    assert "level3" in extracted.text
    assert "Attachment: deepest.txt" in extracted.text
    assert "## deepest.txt" not in extracted.text
    assert len(extracted.warnings) == 1
    assert "too deep" in extracted.warnings[0]
    assert "## deepest.txt" in read(MAIL, mail(part), Limits(max_depth=4)).text


def test_a_sealed_message_within_a_message_is_left_out(read: Read) -> None:
    """Only the outermost message decides whether the document as a whole is encrypted."""
    sealed = "Content-Type: message/rfc822\n\nSubject: secret\nContent-Type: application/pkcs7-mime\n\nxx\n"
    extracted = read(MAIL, mail(sealed))
    assert tail(extracted.text) == "Attachment: secret"
    assert "password" in extracted.warnings[0]


@pytest.mark.parametrize(
    "limits",
    [Limits(max_pages=3), Limits(max_unpacked_bytes=ONE_AND_A_HALF), Limits(max_chars=160)],
)
def test_limits_hold_for_the_email_as_a_whole(read: Read, limits: Limits) -> None:
    """Attachments that are small enough one by one are refused together."""
    assert read(MAIL, mail(attached("a.ods", SHEETS)), limits)
    with pytest.raises(Permanent) as caught:
        read(MAIL, mail(attached("a.ods", SHEETS), attached("b.ods", SHEETS)), limits)
    assert caught.value.code is Code.TOO_LARGE


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """The files that attachments go through are gone afterwards, and one reading doesn't count against the next."""
    path = tmp_path / "document"
    path.write_bytes(mail(attached("a.ods", SHEETS), attached("cut.odt", TEXT[:200])))
    limits = Limits(max_unpacked_bytes=ONE_AND_A_HALF)
    assert parse(path, MAIL, limits) == parse(path, MAIL, limits)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_no_fault_of_the_document(tmp_path: Path) -> None:
    """Where an attachment can't be written, the email is read again later, and isn't refused."""
    mail_read = Mail(Limits(), tmp_path / "no-such-folder")
    with pytest.raises(Transient, match="can't be written"):
        mail_read.attach("note.txt", b"words", 0)
