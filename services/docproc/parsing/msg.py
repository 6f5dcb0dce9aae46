"""Email as Outlook saves it (MSG): the same as of other email, out of Outlook's properties."""

from __future__ import annotations

from email.utils import format_datetime
from pathlib import Path

from compressed_rtf.compressed_rtf import decompress
from olefile import OleFileIO

from services.docproc.parsing import rtf
from services.docproc.parsing.html import decode_html, render
from services.docproc.parsing.mail import Mail
from services.docproc.parsing.mapi import Item
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import corrupt, encrypted, refusing_malformed

_KIND = "Outlook message"
_CLASS, _SUBJECT, _SENT, _DELIVERED = 0x001A, 0x0037, 0x0039, 0x0E06
_SENDERS = ((0x0042, 0x5D02, 0x0065, 0x0064), (0x0C1A, 0x5D01, 0x0C1F, 0x0C1E))  # on whose behalf, then by whom
_RECIPIENT = (0x3001, 0x39FE, 0x3003, 0x3002)
_RECIPIENT_TYPE, _DISPLAYED = 0x0C15, {1: 0x0E04, 2: 0x0E03}
_BODY, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_DATA, _MEDIA_TYPE, _FLAGS, _HIDDEN = 0x3701, 0x370E, 0x3714, 0x7FFE
_FILE_NAMES = (0x3707, 0x3704, 0x3001)
_IN_THE_BODY = 4


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages. Raises Permanent(encrypted) for a message that only its addressee can open."""
    mail = Mail(limits, path.parent)
    with refusing_malformed(_KIND), OleFileIO(str(path)) as file:
        message = Item(file)
        if not file.exists("__properties_version1.0"):
            raise corrupt(_KIND, "its list of properties is missing")
        if _is_sealed(message):
            raise encrypted(_KIND)
        _write(message, mail, depth=0)
    return mail.extracted()


def _is_sealed(message: Item) -> bool:
    kind = message.text(_CLASS).lower()
    return kind.startswith("ipm.note.smime") and not kind.endswith("multipartsigned")


def _write(message: Item, mail: Mail, depth: int) -> None:
    sent = message.time(_SENT) or message.time(_DELIVERED)
    fields = {
        "From": next((who for each in _SENDERS if (who := _person(message, *each))), ""),
        "To": _recipients(message, 1),
        "Cc": _recipients(message, 2),
        "Date": format_datetime(sent) if sent else "",
    }
    mail.head(message.text(_SUBJECT), fields, depth)
    _write_body(message, mail)
    for attachment in message.children("__attach_version1.0_"):
        _attach(attachment, mail, depth)


def _person(item: Item, name: int, smtp: int, address: int, kind: int) -> str:
    """`Ada <ada@example.org>`, or the one of both that there is; an address of Exchange's own says nothing."""
    shown = item.text(name).strip()
    mailbox = item.text(smtp).strip() or (item.text(address).strip() if item.text(kind).upper() != "EX" else "")
    return f"{shown} <{mailbox}>" if shown and mailbox and shown != mailbox else shown or mailbox


def _recipients(message: Item, kind: int) -> str:
    found = [each for each in message.children("__recip_version1.0_") if each.number(_RECIPIENT_TYPE) == kind]
    return ", ".join(filter(None, (_person(each, *_RECIPIENT) for each in found))) or message.text(_DISPLAYED[kind])


def _write_body(message: Item, mail: Mail) -> None:
    """The plainest body that has text."""
    plain = message.text(_BODY)
    html = message.data(_HTML)
    packed = message.data(_RTF)
    if plain.strip():
        mail.writer.block(plain)
    elif html or message.text(_HTML):
        render(decode_html(html, message.codec()) if html else message.text(_HTML), mail.writer)
    elif packed:
        mail.writer.block(rtf.text_of(_unpacked(packed)))


def _unpacked(packed: bytes) -> bytes:
    """RTF as Outlook packs it. Raises Permanent(corrupt)."""
    try:
        return bytes(decompress(packed))
    except Exception as error:
        if type(error) is not Exception:  # the library raises it bare
            raise
        raise corrupt(_KIND, str(error)) from error


def _attach(attachment: Item, mail: Mail, depth: int) -> None:
    name = next((text for tag in _FILE_NAMES if (text := attachment.text(tag).strip())), "attachment")
    kind = attachment.text(_MEDIA_TYPE)
    inner, data = attachment.embedded(), attachment.data(_DATA)
    if inner is not None:
        _attach_message(name, inner, mail, depth)
    elif attachment.number(_FLAGS) & _IN_THE_BODY or attachment.number(_HIDDEN):
        return  # a picture in the body
    elif kind == "multipart/signed":
        mail.attach(f"{name}.eml", data or b"", depth)  # all of the message, as it was signed
    else:
        mail.attach(name, data or b"", depth, declared=kind)


def _attach_message(name: str, inner: Item, mail: Mail, depth: int) -> None:
    if not mail.may_descend(depth):
        mail.leave_out(name, "It is attached too deep")
    elif _is_sealed(inner):
        mail.leave_out(name, str(encrypted(_KIND)))
    else:
        _write(inner, mail, depth + 1)
