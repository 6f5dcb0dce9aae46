"""Texts in the charsets of many places, tables, RTF, and what is no document at all."""

from __future__ import annotations

import datetime as dt
import json
import struct
import zlib

from shared.errors import Code
from shared.media_types import CSV, PDF, PLAIN, RTF, TSV
from tests.documents.made import Made, refused
from tests.documents.pdf_files import table
from tests.services.docproc.hostile.office_files import zipped

SCRIPTS = """Every gauge has its keeper.
Każdy wodowskaz ma strażnika; zażółć gęślą jaźń.
Svaki vodomjer ima čuvara, i noću.
Мост закрыт до весны, а паром ходит по утрам.
لكل مقياس حارسه.
לכל מד מים יש שומר.
प्रत्येक नदी का अपना रक्षक होता है।
แม่น้ำทุกสายมีผู้ดูแล
每个水位站都有守门人。
水位計にはそれぞれ番人がいる。
모든 수위계에는 지기가 있다.
Emoji too: 🌊 and 👩🏽‍🔬, and e\u0301 written as two.
"""
RUSSIAN = "Каждое утро сторож спускается к воде и записывает уровень в толстую тетрадь.\nЗимой лёд толстый.\n"
JAPANESE = "毎朝、番人は川へ下りて水位を帳面に書きます。冬は氷が厚いので、穴をあけて測ります。\n"
CHINESE = "每天早晨，守门人走到河边，把水位写进厚厚的本子。冬天冰很厚，要先凿一个洞。\n"
GERMAN = "Jeden Morgen geht der Wärter zum Fluß und schreibt den Pegel auf.\r\nÜber Nacht fiel er um 5 cm.\r\n"
HUNGARIAN = "Minden reggel az őr lemegy a folyóhoz, és feljegyzi a víz szintjét a vastag füzetbe.\n"

LEVELS = 'Station;Pegel;Bemerkung\nAlte Brücke;2,40;"klar; kein Wind"\nUnteres Wehr;-0,15;"Eis,\nfast 60 cm"\n'
VISITS = "bridge\tvisits\tof\nOld Bridge\t1204\tten years\nLower Weir\t87\tone\n"


def year() -> str:
    """A table of a row for each day, which is cut into many chunks."""
    days = (dt.date(2025, 1, 1) + dt.timedelta(days=number) for number in range(365))
    rows = (f"{day},{2 + (day.toordinal() % 97) / 100:.2f},{KEEPERS[day.toordinal() % 3]}" for day in days)
    return "\n".join(("day,level,keeper", *rows)) + "\n"


KEEPERS = ("Jörg Großmann", "Zoë Łącka", "田中花子")

WORDS = (
    r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Writer;}"
    r"{\b Gr\'f6\'dfere Fl\'fcsse} f\'fchren Eis bis in den M\'e4rz.\par "
    r"Ju\u380?na \u321?ada p\u322?ynie. \u1056?\u1077?\u1082?\u1072?\par"
    r"\trowd\cellx3000\cellx6000 Alte Br\'fccke\cell 2,40\cell\row}"
)


def picture() -> bytes:
    """A grey PNG of 8 x 8."""
    rows = zlib.compress(b"".join(b"\0" + bytes(range(0, 256, 32)) for _ in range(8)), 0)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


MADE = (
    Made(
        "scripts.txt",
        SCRIPTS.encode,
        PLAIN,
        strings=tuple(SCRIPTS.splitlines()),
        tags=("UTF-8", "right-to-left", "cjk", "emoji"),
    ),
    Made(
        "russian-koi8.txt",
        lambda: RUSSIAN.encode("koi8_r"),
        PLAIN,
        strings=tuple(RUSSIAN.splitlines()),
        tags=("KOI8-R",),
    ),
    Made(
        "japanese-shift-jis.txt",
        lambda: JAPANESE.encode("shift_jis"),
        PLAIN,
        strings=("毎朝、番人は川へ下りて水位を帳面に書きます。",),
        tags=("Shift_JIS", "cjk"),
    ),
    Made(
        "chinese-gb18030.txt",
        lambda: CHINESE.encode("gb18030"),
        PLAIN,
        strings=("每天早晨，守门人走到河边，把水位写进厚厚的本子。",),
        tags=("GB18030", "cjk"),
    ),
    Made(
        "german-utf-16.txt",
        lambda: b"\xff\xfe" + GERMAN.encode("utf-16-le"),
        PLAIN,
        strings=tuple(GERMAN.splitlines()),
        tags=("UTF-16", "umlauts"),
    ),
    Made(
        "german-cp850.txt",
        lambda: GERMAN.encode("cp850"),
        PLAIN,
        strings=tuple(GERMAN.splitlines()),
        tags=("CP850", "umlauts"),
    ),
    Made(
        "hungarian-cp1250.txt",
        lambda: HUNGARIAN.encode("cp1250"),
        PLAIN,
        strings=tuple(HUNGARIAN.splitlines()),
        tags=("Windows-1250",),
    ),
    Made(
        "station.json",
        lambda: json.dumps({"station": "Große Aue", "levels": [2.4, -0.15]}, ensure_ascii=False, indent=2).encode(),
        PLAIN,
        strings=('"station": "Große Aue"', "-0.15"),
        tags=("json",),
    ),
    Made(
        "levels.csv",
        lambda: LEVELS.encode("cp1252"),
        CSV,
        strings=(
            "Station Pegel Bemerkung",
            "Alte Brücke 2,40 klar; kein Wind",
            "Unteres Wehr -0,15 Eis, fast 60 cm",
        ),
        tags=("semicolons", "quotes", "Windows-1252"),
    ),
    Made(
        "year.csv",
        lambda: year().encode(),
        CSV,
        strings=(
            "day level keeper",
            "2025-01-01 2.15 Zoë Łącka",
            "2025-06-30 2.01 Zoë Łącka",
            "2025-12-31 2.88 田中花子",
        ),
        tags=("long table",),
    ),
    Made("visits.tsv", VISITS.encode, TSV, strings=("bridge visits of", "Old Bridge 1204 ten years")),
    Made(
        "rivers.rtf",
        WORDS.encode,
        RTF,
        strings=("Größere Flüsse führen Eis bis in den März.", "Jużna Łada płynie. Река", "Alte Brücke"),
        forbidden=("Arial", "Writer"),
        tags=("umlauts", "unicode"),
    ),
    Made(
        "no-word-file.docx",
        table,
        PDF,
        strings=("Old Bridge, north bank 1 204 2.40",),
        page_count=1,
        tags=("a PDF by another name",),
    ),
    refused("empty.txt", bytes, Code.EMPTY, None),
    refused("blanks.txt", lambda: b" \r\n\t\r\n \r\n", Code.EMPTY, PLAIN),
    refused("picture.png", picture, Code.UNSUPPORTED, None),
    refused("archive.zip", lambda: zipped({"levels.csv": VISITS}), Code.UNSUPPORTED, None),
)
