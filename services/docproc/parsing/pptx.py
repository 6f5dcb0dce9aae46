"""Presentations: each slide a page, with its title as a heading, its tables, charts, diagrams and speaker's notes."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

from services.docproc.parsing.archive import Archive, Relation, opened
from services.docproc.parsing.drawings import FRAMES, framed, graphic_text, paragraphs, shapes
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.ooxml import attribute, child, local, main_part, number, paragraph_text
from services.docproc.parsing.refusals import too_large
from services.docproc.parsing.writer import Writer
from shared.contracts.kinds import Kind

_KIND = "presentation"
_TITLES = frozenset({"title", "ctrTitle"})
_NOT_CONTENT = frozenset({"sldNum", "dt", "sldImg"})
_DEPTH = 8  # PowerPoint has nine levels
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml$", re.IGNORECASE)


def read(path: Path, limits: Limits) -> Extracted:
    """Slides by their position from 1, hidden ones too, in the order in which the presentation shows them."""
    writer = Writer(limits)
    with opened(path, _KIND, limits) as archive:
        slides = _slides(archive)
        if len(slides) > limits.max_pages:
            raise too_large("pages", limits.max_pages)
        for number, part in enumerate(slides, start=1):
            if part in archive:
                _Slide(archive, part, writer).write()
            writer.end_page(number)
    return Extracted(tuple(writer.pages), len(slides))


def _slides(archive: Archive) -> list[str]:
    """The slides' parts in order; by their file names where the presentation's own list is missing."""
    part = main_part(archive, "ppt/presentation.xml")
    if part in archive:
        relations = archive.relations(part)
        ids = [_relation_id(entry) for entry in archive.xml(part).iter("{*}sldId")]
        listed = [relations[each].target for each in ids if each in relations]
        if listed:
            return listed
    numbered = [(int(found[1]), name) for name in archive.names() if (found := _SLIDE.match(name))]
    return [name for _, name in sorted(numbered)]


def _relation_id(entry: etree._Element) -> str:
    """`r:id`, which stands beside the slide's own `id`."""
    return next((str(value) for key, value in entry.attrib.items() if str(key).endswith("}id")), "")


class _Slide:
    def __init__(self, archive: Archive, part: str, writer: Writer) -> None:
        self._archive = archive
        self._writer = writer
        self._relations = archive.relations(part)
        self._root = archive.xml(part)

    def write(self) -> None:
        found = list(shapes(self._root))
        titles = [shape for shape in found if _placeholder(shape) in _TITLES]
        for shape in titles:
            self._writer.heading(2, " ".join(map(paragraph_text, paragraphs(shape))))
        for shape in found:
            if shape not in titles and _placeholder(shape) not in _NOT_CONTENT:
                self._shape(shape)
        self._notes()

    def _shape(self, shape: etree._Element) -> None:
        if local(shape) == "tbl":
            rows = (row for row in shape if local(row) == "tr")
            self._writer.table([[_cell_text(cell) for cell in row if local(cell) == "tc"] for row in rows])
        elif local(shape) in FRAMES:
            self._graphic(self._relations.get(framed(shape)))
        else:
            self._text(shape)

    def _text(self, shape: etree._Element) -> None:
        for count, paragraph in enumerate(paragraphs(shape)):
            properties = child(paragraph, "pPr")
            depth = min(number(attribute(properties, "lvl")) or 0, _DEPTH) if properties is not None else 0
            text = paragraph_text(paragraph)
            self._writer.block(f"{'  ' * depth}{text.strip()}" if text.strip() else "", gap="\n" if count else "\n\n")

    def _graphic(self, relation: Relation | None) -> None:
        if relation is None or relation.target not in self._archive:
            return
        self._writer.block(graphic_text(self._archive.xml(relation.target)))

    def _notes(self) -> None:
        for relation in self._relations.values():
            if relation.kind == "notesSlide" and relation.target in self._archive:
                for shape in shapes(self._archive.xml(relation.target)):
                    if _placeholder(shape) == "body":
                        with self._writer.marked(Kind.NOTES):
                            self._text(shape)


def _placeholder(shape: etree._Element) -> str | None:
    found = child(shape, "nvSpPr", "nvPr", "ph")
    return None if found is None else attribute(found, "type") or "obj"


def _cell_text(cell: etree._Element) -> str:
    return " ".join(map(paragraph_text, paragraphs(cell)))
