"""Which paragraphs of a Word document are headings or items of a list, as its styles say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from services.docproc.parsing.archive import Archive
from services.docproc.parsing.ooxml import attribute, child, number

_HEADING = re.compile(r"heading ?([1-9])$", re.IGNORECASE)
_CHAIN = 12


@dataclass(frozen=True, slots=True)
class Styles:
    """The paragraph styles by id."""

    elements: dict[str, etree._Element]

    @classmethod
    def of(cls, archive: Archive, part: str | None) -> Styles:
        if part is None or part not in archive:
            return cls({})
        return cls({attribute(style, "styleId") or "": style for style in archive.xml(part).iter("{*}style")})

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """1 to 9 by the outline level or the style's name (the title of the document is 1), None for running text."""
        for properties, name in self._properties(paragraph):
            outline = _number(child(properties, "outlineLvl")) if properties is not None else None
            if outline is not None:
                return outline + 1 if outline < 9 else None
            if name.lower() == "title":
                return 1
            if found := _HEADING.match(name):
                return int(found[1])
        return None

    def list_depth(self, paragraph: etree._Element) -> int | None:
        """The level of the list item, from 0; None where the paragraph is none."""
        for properties, _ in self._properties(paragraph):
            numbering = child(properties, "numPr") if properties is not None else None
            if numbering is not None:
                turned_off = _number(child(numbering, "numId")) == 0
                return None if turned_off else _number(child(numbering, "ilvl")) or 0
        return None

    def _properties(self, paragraph: etree._Element) -> list[tuple[etree._Element | None, str]]:
        """The paragraph's own properties, then those of its style and of the styles that this is based on."""
        own = child(paragraph, "pPr")
        found: list[tuple[etree._Element | None, str]] = [(own, "")]
        style_id = _value(child(paragraph, "pPr", "pStyle"))
        for _ in range(_CHAIN):
            style = self.elements.get(style_id or "")
            if style is None:
                break
            found.append((child(style, "pPr"), _value(child(style, "name")) or ""))
            style_id = _value(child(style, "basedOn"))
        return found


def _value(element: etree._Element | None) -> str | None:
    return attribute(element, "val") if element is not None else None


def _number(element: etree._Element | None) -> int | None:
    return number(_value(element))
