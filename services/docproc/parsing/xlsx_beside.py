"""What a sheet of a workbook shows beside its cells: text boxes, charts, diagrams and comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from services.docproc.parsing.archive import Archive, Relation
from services.docproc.parsing.drawings import FRAMES, framed, graphic_text, paragraphs, shapes
from services.docproc.parsing.ooxml import attribute, local, main_part, paragraph_text

_FORMAT = ".xml"  # a binary workbook's parts are of another kind


@dataclass(frozen=True, slots=True)
class Beside:
    """Texts in the order of the file. `comments` say which cell they are on."""

    drawn: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


def beside(archive: Archive) -> Iterator[tuple[str, Beside]]:
    """By the sheet's name. Raises Permanent(corrupt) at a part that can't be read."""
    part = main_part(archive, "xl/workbook.xml")
    if part not in archive or not part.endswith(_FORMAT):
        return
    relations = archive.relations(part)
    for sheet in archive.xml(part).iter("{*}sheet"):
        relation = relations.get(_relation_id(sheet))
        if relation is not None:
            parts = [each for each in archive.relations(relation.target).values() if each.target in archive]
            yield sheet.get("name", ""), Beside(tuple(_drawn(archive, parts)), tuple(_comments(archive, parts)))


def _relation_id(sheet: etree._Element) -> str:
    """`r:id`, in whatever edition's namespace."""
    return attribute(sheet, "id") or ""


def _drawn(archive: Archive, parts: list[Relation]) -> Iterator[str]:
    for drawing in (each.target for each in parts if each.kind == "drawing"):
        relations = archive.relations(drawing)
        for shape in shapes(archive.xml(drawing)):
            if local(shape) not in FRAMES:
                yield "\n".join(map(paragraph_text, paragraphs(shape)))
            elif (shown := relations.get(framed(shape))) and shown.target in archive:
                yield graphic_text(archive.xml(shown.target))


def _comments(archive: Archive, parts: list[Relation]) -> Iterator[str]:
    """Of a conversation, which older programs are told about in a comment of its cell, what was said."""
    talks = [archive.xml(each.target) for each in parts if each.kind == "threadedComment"]
    said = [entry for talk in talks for entry in talk.iter("{*}threadedComment")]
    for entry in said:
        yield _comment(entry, "text")
    talked_about = {entry.get("ref") for entry in said}
    for notes in (archive.xml(each.target) for each in parts if each.kind == "comments"):
        for entry in notes.iter("{*}comment"):
            if entry.get("ref") not in talked_about:
                yield _comment(entry, "t")


def _comment(entry: etree._Element, name: str) -> str:
    text = "".join(each.text or "" for each in entry.iter(f"{{*}}{name}")).strip()
    return f"{entry.get('ref', '')}: {text}" if text else ""
