"""Sound documents of the kinds that the examples have none of, each of the glossary's paragraphs in another order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from html import escape
from itertools import cycle
from pathlib import Path

from tests.fleet.corpus import EXAMPLES
from tests.services.docproc.hostile import office_files as office
from tests.services.docproc.parsing import opendocument

Make = Callable[[Sequence[str]], bytes]


def other_kinds(folder: Path, number: int) -> list[Path]:
    """`number` files in `folder`, the kinds in turn, no two of the same bytes."""
    paragraphs = (EXAMPLES / "glossary.txt").read_text().split("\n\n")
    folder.mkdir(parents=True)
    return [
        _written(folder / f"{place:04d}{suffix}", make(_shuffled(paragraphs, place)))
        for place, (suffix, make) in zip(range(number), cycle(_MAKERS.items()), strict=False)
    ]


def _shuffled(paragraphs: Sequence[str], place: int) -> list[str]:
    """Without anything that means something to XML."""
    mixed = random.Random(place).sample(paragraphs, len(paragraphs))
    return [f"Copy {place}", *(escape(each, quote=True) for each in mixed)]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _presentation(texts: Sequence[str]) -> bytes:
    slides = {
        f"ppt__slides__slide{number}_xml": office.slide_xml(office.shape(text)) for number, text in _from(2, texts[1:])
    }
    return office.slides(office.shape(texts[0]), **slides)


def _workbook(texts: Sequence[str]) -> bytes:
    rows = [
        office.row(office.cell(f"A{n}", str(n)), office.cell(f"B{n}", text), number=n) for n, text in _from(1, texts)
    ]
    return office.book(office.sheet_xml("".join(rows)))


def _book(texts: Sequence[str]) -> bytes:
    names = [f"c{number}" for number, _ in _from(1, texts)]
    chapters = {
        f"{name}_xhtml": f"<html><body><h1>{name}</h1><p>{text}</p></body></html>"
        for name, text in zip(names, texts, strict=True)
    }
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    return office.epub(spine, "".join(office.item(name, f"{name}.xhtml") for name in names), **chapters)


def _odt(texts: Sequence[str]) -> bytes:
    return _open("text", "".join(map(opendocument.paragraph, texts)))


def _ods(texts: Sequence[str]) -> bytes:
    return _open("sheet", opendocument.table(*(opendocument.row(opendocument.cell(text)) for text in texts)))


def _odp(texts: Sequence[str]) -> bytes:
    boxes = (opendocument.box(opendocument.paragraph(text)) for text in texts)
    return _open("slides", "".join(f"<draw:page>{box}</draw:page>" for box in boxes))


def _open(kind: str, body: str) -> bytes:
    return office.zipped(opendocument.opendocument(kind, body))


def _mail(texts: Sequence[str]) -> bytes:
    """With the first of its paragraphs attached once more, as a document of its own."""
    mail = EmailMessage()
    mail["Subject"], mail["From"] = texts[0], "river@example.org"
    mail.set_content("\n\n".join(texts))
    mail.add_attachment(_odt(texts[:2]), "application", "vnd.oasis.opendocument.text", filename="first.odt")
    return mail.as_bytes()


def _rtf(texts: Sequence[str]) -> bytes:
    return ("{\\rtf1\\ansi " + "\\par ".join(texts) + "}").encode("ascii", "replace")


def _json(texts: Sequence[str]) -> bytes:
    return json.dumps(dict(_from(1, texts)), indent=2).encode()


def _from(first: int, texts: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(texts, start=first))


_MAKERS: dict[str, Make] = {
    ".pptx": _presentation,
    ".xlsx": _workbook,
    ".epub": _book,
    ".odt": _odt,
    ".ods": _ods,
    ".odp": _odp,
    ".eml": _mail,
    ".rtf": _rtf,
    ".json": _json,
}
