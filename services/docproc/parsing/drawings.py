"""What Office's drawings hold: shapes with text, tables, and the frames of charts and diagrams."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from services.docproc.parsing.ooxml import attribute, child, local, paragraph_text

FRAMES = frozenset({"chart", "relIds"})


def shapes(root: etree._Element) -> Iterator[etree._Element]:
    """Text shapes, tables, and the frames of charts and diagrams, those in groups too, in the order of the file."""
    walker = etree.iterwalk(root, events=("start",))
    for _, element in walker:
        name = local(element)
        if name in ("sp", "tbl", "chart", "relIds", "cxnSp"):
            yield element
        if name in ("sp", "tbl", "Fallback"):
            walker.skip_subtree()


def framed(frame: etree._Element) -> str:
    """The id of the relation to what a frame shows."""
    return attribute(frame, "id") or attribute(frame, "dm") or ""


def paragraphs(shape: etree._Element) -> Iterator[etree._Element]:
    body = child(shape, "txBody")
    return iter(()) if body is None else body.iterchildren("{*}p")


def graphic_text(root: etree._Element) -> str:
    """The words of a chart or a diagram, which is a part of its own, each once."""
    words = [paragraph_text(paragraph) for paragraph in root.iter("{*}p")]
    words += [value.text or "" for name in root.iter("{*}tx") for value in name.iterchildren("{*}v")]
    words += [value.text or "" for cache in root.iter("{*}strCache") for value in cache.iter("{*}v")]
    return "\n".join(dict.fromkeys(word.strip() for word in words if word.strip()))
