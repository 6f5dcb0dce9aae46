"""What Word and PowerPoint files share: finding the main part, and the text of a paragraph.

Elements are matched by their local name, since the strict and the transitional edition of Office Open XML differ in
nothing but the namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from services.docproc.parsing.archive import Archive

# a fallback repeats its choice for older programs; deleted and moved-away text is no longer in the document
_SKIPPED = frozenset({"Fallback", "del", "moveFrom", "instrText", "delText", "pPr", "rPr", "tblPr", "tcPr"})
_MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_FRAMED = frozenset({"txbxContent"})
_DIGITS = 9


def local(element: etree._Element) -> str:
    """The element's name without its namespace; empty for a comment or an instruction."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str | None:
    """The attribute of this local name, in whatever namespace."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return None


def child(element: etree._Element, *path: str) -> etree._Element | None:
    """The first descendant along these local names, one a level."""
    found: etree._Element | None = element
    for name in path:
        found = next((each for each in found if local(each) == name), None) if found is not None else None
    return found


def number(text: str | None) -> int | None:
    """A number as a level or an id is written; None for whatever else stands there."""
    return int(text) if text and len(text) <= _DIGITS and text.isascii() and text.isdigit() else None


def main_part(archive: Archive, usual: str) -> str:
    """The name of the part that the package's relations call its document, else the usual name."""
    for relation in archive.relations("").values():
        if relation.kind == "officeDocument" and relation.target in archive:
            return relation.target
    return usual


def paragraph_text(paragraph: etree._Element) -> str:
    """The paragraph's text; tabs, line breaks and hyphens as characters, text boxes within it left out."""
    return "".join(_pieces(paragraph))


def _pieces(paragraph: etree._Element) -> Iterator[str]:
    walker = etree.iterwalk(paragraph, events=("start",))
    for _, element in walker:
        name = local(element)
        if name in _SKIPPED or name in _FRAMED:
            walker.skip_subtree()
        elif name == "t":
            yield element.text or ""
        elif name == "sym":
            yield _symbol(attribute(element, "char"))
        else:
            yield _MARKS.get(name, "")


def _symbol(code: str | None) -> str:
    """Symbol fonts sit in the private use area, where the code says nothing without the font."""
    try:
        value = int(code or "", 16)
        return "" if 0xE000 <= value <= 0xF8FF else chr(value)
    except (ValueError, OverflowError):
        return ""
