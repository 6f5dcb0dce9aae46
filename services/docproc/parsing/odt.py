"""OpenDocument texts: headings, paragraphs, lists, tables, text boxes, headers and footers, notes and comments."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.odf import STYLE, body, package, paragraph_text, paragraphs_of
from services.docproc.parsing.odf_flow import Flow, Styles
from services.docproc.parsing.writer import Writer

_HEADERS = (f"{STYLE}header", f"{STYLE}header-first", f"{STYLE}header-left")
_FOOTERS = (f"{STYLE}footer", f"{STYLE}footer-first", f"{STYLE}footer-left")


def read(path: Path, limits: Limits) -> Extracted:
    """One text without pages: where a page ends is decided by whoever lays the document out.

    Headers come first and footers and notes last, each wording once. Deleted text that is still stored stays out.
    """
    writer = Writer(limits)
    with package(path, "OpenDocument text", limits) as archive:
        content = body(archive, "text")
        styles = archive.xml("styles.xml") if "styles.xml" in archive else etree.Element("none")
        flow = Flow(writer, archive, Styles([styles, content.getroottree().getroot()]))
        _write_once(flow, styles, _HEADERS)
        flow.write(content)
        _write_once(flow, styles, _FOOTERS)
        flow.write_notes()
    writer.end_page(None)
    return Extracted(tuple(writer.pages))


def _write_once(flow: Flow, styles: etree._Element, tags: tuple[str, ...]) -> None:
    seen = set()
    for element in styles.iter(*tags):
        text = "\n".join(map(paragraph_text, paragraphs_of(element)))
        if text.strip() and text not in seen and element.get(f"{STYLE}display") != "false":
            flow.write(element)
        seen.add(text)
