"""Sound documents of every kind that is read, each of the glossary's paragraphs in an order of its own."""

from __future__ import annotations

import json
import random
import textwrap
from collections.abc import Callable, Collection, Sequence
from email.message import EmailMessage
from html import escape
from itertools import cycle
from pathlib import Path

from tests.fleet.corpus import EXAMPLES
from tests.services.docproc.hostile import office_files as office
from tests.services.docproc.parsing import opendocument, pdfs

Make = Callable[[Sequence[str]], bytes]

_LINES, _LETTERS = 40, 90
"""Of a PDF's page, and of its line."""


def documents(
    folder: Path, number: int, *, first: int = 0, paragraphs: int = 12, only: Collection[str] = ()
) -> list[Path]:
    """`number` files in a new `folder`, the kinds in turn (`only` these suffixes), no two of the same bytes.

    Each has so many paragraphs, of 170 characters in the mean. Another `first` (counting documents) gives other bytes.
    """
    makers = [(suffix, make) for suffix, make in _MAKERS.items() if not only or suffix in only]
    folder.mkdir(parents=True)
    return [
        _written(folder / f"{place:07d}{suffix}", make(_paragraphs(place, paragraphs)))
        for place, (suffix, make) in zip(range(first, first + number), cycle(makers), strict=False)
    ]


def _paragraphs(place: int, number: int) -> list[str]:
    """Without anything that means something to XML."""
    known = (EXAMPLES / "glossary.txt").read_text().split("\n\n")
    chosen = random.Random(place).choices(known, k=number - 1)
    return [f"Copy {place}", *(escape(" ".join(each.split()), quote=True) for each in chosen)]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _text(texts: Sequence[str]) -> bytes:
    return "\n\n".join(texts).encode()


def _markdown(texts: Sequence[str]) -> bytes:
    """A heading over every tenth paragraph."""
    return "\n\n".join(f"## Part {at}\n\n{text}" if at % 10 == 0 else text for at, text in enumerate(texts)).encode()


def _page(texts: Sequence[str]) -> bytes:
    return f"<html><body>{''.join(f'<p>{text}</p>' for text in texts)}</body></html>".encode()


def _table(texts: Sequence[str]) -> bytes:
    return "\n".join(["number,text", *(f'{number},"{text}"' for number, text in _from(1, texts))]).encode()


def _pdf(texts: Sequence[str]) -> bytes:
    """Pages of running text: a blank line between paragraphs."""
    plain = str.maketrans("()\\", "[]/")
    lines = [line.translate(plain) for text in texts for line in (*textwrap.wrap(text, _LETTERS), "")]
    starts = range(0, len(lines), _LINES)
    return pdfs.paged(*(pdfs.lines(15, 285, *lines[start : start + _LINES], leading=7, size=6) for start in starts))


def _word(texts: Sequence[str]) -> bytes:
    return office.word("".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in texts))


def _presentation(texts: Sequence[str]) -> bytes:
    slides = {f"ppt__slides__slide{at}_xml": office.slide_xml(office.shape(text)) for at, text in _from(2, texts[1:])}
    return office.slides(office.shape(texts[0]), **slides)


def _workbook(texts: Sequence[str]) -> bytes:
    rows = [
        office.row(office.cell(f"A{number}", str(number)), office.cell(f"B{number}", text), number=number)
        for number, text in _from(1, texts)
    ]
    return office.book(office.sheet_xml("".join(rows)))


def _book(texts: Sequence[str]) -> bytes:
    """A chapter of each ten paragraphs."""
    chapters = {f"c{start}": texts[start : start + 10] for start in range(0, len(texts), 10)}
    bodies = {f"{name}_xhtml": _page([f"Chapter {name}", *some]) for name, some in chapters.items()}
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    return office.epub(spine, "".join(office.item(name, f"{name}.xhtml") for name in chapters), **bodies)


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
    ".txt": _text,
    ".md": _markdown,
    ".html": _page,
    ".csv": _table,
    ".pdf": _pdf,
    ".docx": _word,
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
