"""Email as it is sent, and as Outlook saves it."""

from __future__ import annotations

import base64
import datetime as dt

from shared.errors import Code
from shared.media_types import EML, MSG
from tests.documents.made import Made, refused
from tests.services.docproc.parsing.compound import Tree
from tests.services.docproc.parsing.outlook import attachments, binary, inner, item, message

HEAD = (
    "From: =?utf-8?q?J=C3=B6rg_Gro=C3=9Fmann?= <joerg@example.org>\r\nTo: Zoë Łącka <zoe@example.org>\r\n"
    "Date: Sun, 04 May 2025 05:00:00 +0200\r\nMIME-Version: 1.0\r\n"
)


def _mail(subject: str, kind: str, *parts: str) -> bytes:
    body = "".join(f"--edge\r\n{part}\r\n" for part in parts)
    head = f'{HEAD}Subject: {subject}\r\nContent-Type: multipart/{kind}; boundary="edge"\r\n\r\n'
    return f"{head}{body}--edge--\r\n".encode()


def with_table() -> bytes:
    """Its text twice, as it is and marked up, and a table attached."""
    plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    plain += "Anbei die Pegelst=C3=A4nde der Woche; die Tore schlie=C3=9Fen wie=\r\nder dicht."
    marked = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Anbei die <b>Pegelstände</b></p><script>spy()</script>"
    choice = f'Content-Type: multipart/alternative; boundary="in"\r\n\r\n--in\r\n{plain}\r\n--in\r\n{marked}\r\n--in--'
    table = base64.encodebytes("Ort;Pegel\nAlte Brücke;2,40\n".encode()).decode()
    attached = 'Content-Type: text/csv; name="pegel.csv"\r\nContent-Disposition: attachment; filename="pegel.csv"\r\n'
    attached += f"Content-Transfer-Encoding: base64\r\n\r\n{table}"
    return _mail("=?iso-8859-1?q?Pegelst=E4nde?=", "mixed", choice, attached)


def japanese() -> bytes:
    """In the charset and encoding of Japan's mail programs."""
    subject = base64.b64encode("川の水位".encode("iso2022_jp")).decode()
    head = f"{HEAD}Subject: =?iso-2022-jp?b?{subject}?=\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n"
    body = "今朝の水位は二メートル四十でした。\r\n".encode("iso2022_jp")
    return f"{head}Content-Transfer-Encoding: 7bit\r\n\r\n".encode() + body


SENT = dt.datetime(2025, 5, 4, 3, 0, tzinfo=dt.UTC)


def outlook() -> bytes:
    """With an addressee, a table attached, and a message within the message."""
    ticks = (SENT - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 10
    addressee = item(8, {0x3001: "Zoë Łącka", 0x39FE: "zoe@example.org"}, values={0x0C15: 1})
    recipients: Tree = {"__recip_version1.0_#00000000": addressee}
    table = item(8, {0x3707: "levels.csv"}, binary(0x3701, b"bridge,level\nOld Bridge,2.40\n"))
    forwarded = inner({0x0037: "Вопрос", 0x1000: "Когда откроют шлюз?"})
    texts = {0x0042: "Jörg Großmann", 0x5D02: "joerg@example.org", 0x0037: "The lock", 0x1000: "It opens at five.\r\n"}
    return message(texts, recipients, attachments(table, forwarded), values={0x0039: ticks})


def sealed() -> bytes:
    return _mail("sealed", "encrypted", "Content-Type: application/octet-stream\r\n\r\nxx")


MADE = (
    Made(
        "table.eml",
        with_table,
        EML,
        strings=(
            "Pegelstände",
            "Jörg Großmann",
            "Zoë Łącka",
            "die Tore schließen wieder dicht.",
            "pegel.csv",
            "Alte Brücke 2,40",
        ),
        forbidden=("spy()",),
        tags=("attachment", "quoted-printable", "umlauts"),
    ),
    Made(
        "japanese.eml",
        japanese,
        EML,
        strings=("川の水位", "今朝の水位は二メートル四十でした。"),
        tags=("ISO-2022-JP", "cjk"),
    ),
    Made(
        "lock.msg",
        outlook,
        MSG,
        strings=(
            "The lock",
            "Jörg Großmann",
            "Zoë Łącka",
            "It opens at five.",
            "Old Bridge 2.40",
            "Когда откроют шлюз?",
        ),
        tags=("attachment", "message within"),
    ),
    refused("sealed.eml", sealed, Code.ENCRYPTED, EML),
)
