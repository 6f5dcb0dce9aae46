"""Email (RFC 822, MIME, MHTML): the headers that people read, the body, and what is attached."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from services.docproc.parsing import rtf
from services.docproc.parsing.charset import decode
from services.docproc.parsing.html import decode_html, render
from services.docproc.parsing.mail import Mail
from services.docproc.parsing.mail_policy import MAIL_POLICY
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import encrypted, refusing_malformed

_SHOWN = ("From", "To", "Cc", "Date")
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_SIGNATURES = ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
_HTML = ("text/html", "application/xhtml+xml")
_MESSAGES = ("message/rfc822", "message/global", "message/news")
_DECORATIONS = ("image", "audio", "video", "font")
_SCRIPTS = ("text/css", "text/javascript", "application/javascript", "application/x-javascript")


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages. Raises Permanent(encrypted) for a body that only its addressee can open."""
    mail = Mail(limits, path.parent)
    with refusing_malformed("email"):
        message = message_from_bytes(_narrow(path.read_bytes()).lstrip(), _class=EmailMessage, policy=MAIL_POLICY)
        if message.get_content_type() in _SEALED:
            raise encrypted("email")
        _write(message, mail, depth=0)
    return mail.extracted()


def _narrow(data: bytes) -> bytes:
    """A message that was saved as UTF-16 or with a byte order mark as the bytes that it was before."""
    return decode(data).encode() if b"\0" in data[:64] or data.startswith(BOM_UTF8) else data


def _write(message: MIMEPart, mail: Mail, depth: int) -> None:
    fields = {name: str(message[name]) for name in _SHOWN if message[name]}
    mail.head(str(message["Subject"] or ""), fields, depth)
    for part in _leaves(message):
        _write_part(part, mail, depth)


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
    return (
        part.get_content_type() in _HTML or part.get_content_maintype() == "text"
    ) and part.get_content_disposition() != "attachment"


def _write_part(part: MIMEPart, mail: Mail, depth: int) -> None:
    if part.get_content_type() in _MESSAGES:
        _write_inner(part, mail, depth)
    elif _goes_without_saying(part):
        return
    elif _is_body(part) and not part.get_filename():
        _write_body(part, mail)
    else:
        _attach(part, mail, depth)


def _write_inner(part: MIMEPart, mail: Mail, depth: int) -> None:
    for inner in part.iter_parts():
        name = part.get_filename() or str(inner["Subject"] or "message")
        if inner.get_content_type() in _SEALED:
            mail.leave_out(name, str(encrypted("email")))
        elif not mail.may_descend(depth):
            mail.leave_out(name, "It is attached too deep")
        else:
            _write(inner, mail, depth + 1)


def _write_body(part: MIMEPart, mail: Mail) -> None:
    if part.get_content_type() in _HTML:
        render(_text_of(part), mail.writer)
    else:
        mail.writer.block(_text_of(part))


def _goes_without_saying(part: MIMEPart) -> bool:
    """A signature, and what a page in HTML is decorated with."""
    if part.get_content_type() in _SIGNATURES or part.get_content_maintype() == "message":
        return True
    decorates = part.get_content_maintype() in _DECORATIONS or part.get_content_type() in _SCRIPTS
    referred_to = part["Content-ID"] or part["Content-Location"]
    return bool(decorates and referred_to) and part.get_content_disposition() != "attachment"


def _attach(part: MIMEPart, mail: Mail, depth: int) -> None:
    data = part.get_payload(decode=True)
    kind = part.get_content_type()
    if isinstance(data, bytes):
        mail.attach(part.get_filename() or kind, data, depth, declared=kind, charset=part.get_content_charset())


def _text_of(part: MIMEPart) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    if part.get_content_type() == "text/rtf":
        return rtf.text_of(data)
    decoder = decode_html if part.get_content_type() in _HTML else decode
    return decoder(data, part.get_content_charset())
