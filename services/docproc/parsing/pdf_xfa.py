"""Forms in XFA, which have no pages but what a viewer makes of them: their words, and what was filled in."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_ulong, create_string_buffer

import pypdfium2 as pdfium
from lxml import etree
from pypdfium2 import raw

_MOST_BYTES = 32 * 1024 * 1024
_WORDS = ("text", "exData")


def is_dynamic(document: pdfium.PdfDocument) -> bool:
    """Whether its pages only say that another viewer is needed."""
    return bool(document.get_formtype() == raw.FORMTYPE_XFA_FULL)


def words(document: pdfium.PdfDocument) -> list[str]:
    """The form's own words, then each value with the name of its field."""
    packets = dict(_packets(document))
    return [*dict.fromkeys(_captions(packets.get("template", b""))), *_values(packets.get("datasets", b""))]


def _packets(document: pdfium.PdfDocument) -> Iterator[tuple[str, bytes]]:
    for index in range(raw.FPDF_GetXFAPacketCount(document)):
        size = raw.FPDF_GetXFAPacketName(document, index, None, 0)
        name = create_string_buffer(size)
        raw.FPDF_GetXFAPacketName(document, index, name, size)
        length = c_ulong()
        raw.FPDF_GetXFAPacketContent(document, index, None, 0, byref(length))
        if 0 < length.value <= _MOST_BYTES:
            content = create_string_buffer(length.value)
            raw.FPDF_GetXFAPacketContent(document, index, content, length.value, byref(length))
            yield name.value.decode("utf-8", "replace"), content.raw


def _captions(packet: bytes) -> Iterator[str]:
    for element in _elements(packet):
        if etree.QName(element).localname in _WORDS:
            text = " ".join("".join(map(str, element.itertext())).split())
            if text:
                yield text


def _values(packet: bytes) -> Iterator[str]:
    for element in _elements(packet):
        if len(element) == 0 and (element.text or "").strip():
            yield f"{etree.QName(element).localname}: {(element.text or '').strip()}"


def _elements(packet: bytes) -> Iterator[etree._Element]:
    """Those of what may be no XML at all."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    root = etree.fromstring(packet, parser) if packet.strip() else None
    return iter(()) if root is None else (each for each in root.iter() if isinstance(each.tag, str))
