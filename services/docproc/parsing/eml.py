"""Email (RFC 822, MIME, MHTML): the headers that people read, the body, attached messages and texts."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from services.docproc.parsing.charset import decode
from services.docproc.parsing.html import decode_html, render
from services.docproc.parsing.mail_policy import MAIL_POLICY
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import encrypted, refusing_malformed
from services.docproc.parsing.writer import Writer, one_line

_SHOWN = ("From", "To", "Cc", "Date")
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_HTML = ("text/html", "application/xhtml+xml")
_DEPTH = 8


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages. Raises Permanent(encrypted) for a body that only its addressee can open."""
    writer = Writer(limits)
    with refusing_malformed("email"):
        message = message_from_bytes(_narrow(path.read_bytes()).lstrip(), _class=EmailMessage, policy=MAIL_POLICY)
        _write(message, writer, depth=0)
    writer.end_page(None)
    return Extracted(tuple(writer.pages))


def _narrow(data: bytes) -> bytes:
    """A message that was saved as UTF-16 or with a byte order mark as the bytes that it was before."""
    return decode(data).encode() if b"\0" in data[:64] or data.startswith(BOM_UTF8) else data


def _write(message: MIMEPart, writer: Writer, depth: int) -> None:
    if message.get_content_type() in _SEALED:
        raise encrypted("email")
    writer.heading(1 + depth, str(message["Subject"] or ""))
    writer.block("\n".join(f"{name}: {one_line(str(message[name]))}" for name in _SHOWN if message[name]))
    for part in _leaves(message):
        _write_part(part, writer, depth)


def _leaves(message: MIMEPart) -> Iterator[MIMEPart]:
    """The parts to show, in order; of alternatives the first that has text, which is the plainest."""
    if message.get_content_type() == "multipart/alternative":
        parts = [leaf for part in message.iter_parts() for leaf in _leaves(part)]
        yield from [part for part in parts if _is_body(part) and _text_of(part).strip()][:1]
        yield from [part for part in parts if not _is_body(part)]
    elif message.is_multipart() and message.get_content_maintype() == "multipart":
        for part in message.iter_parts():
            yield from _leaves(part)
    else:
        yield message


def _is_body(part: MIMEPart) -> bool:
    return part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"


def _write_part(part: MIMEPart, writer: Writer, depth: int) -> None:
    name = part.get_filename()
    if name:
        writer.block(f"Attachment: {name}")
    if part.get_content_type() == "message/rfc822" and depth < _DEPTH:
        for inner in part.iter_parts():
            _write(inner, writer, depth + 1)
    elif part.get_content_type() in _HTML:
        render(_text_of(part), writer)
    elif part.get_content_maintype() == "text":
        writer.block(_text_of(part))


def _text_of(part: MIMEPart) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    decoder = decode_html if part.get_content_type() in _HTML else decode
    return decoder(data, part.get_content_charset())
