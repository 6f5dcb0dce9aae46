"""HTML, on its own, as a chapter of an EPUB, or as the body of an email.

The tree is walked without recursion, since pages in the wild nest tens of thousands deep.
"""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

from services.docproc.parsing.charset import decode
from services.docproc.parsing.html_blocks import Blocks
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import refusing_malformed
from services.docproc.parsing.writer import Writer, one_line

_CHARSET = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]+)|<\?xml[^>]{0,100}?encoding=["']([\w:.-]+)""", re.IGNORECASE
)
_NESTING = re.compile(
    r"</?(?!(?:h[1-6]|p|br|title|head|script|style|template|noscript|svg|math)\b)[a-z][^<>]*>", re.IGNORECASE
)
_UNSEEN = frozenset({"head", "script", "style", "template", "noscript", "svg", "math", "datalist"}) | {
    "object",
    "applet",
    "iframe",
    "canvas",
    "audio",
    "video",
}


def read(path: Path, limits: Limits) -> Extracted:
    writer = Writer(limits)
    render(decode_html(path.read_bytes()), writer, with_title=True)
    writer.end_page(None)
    return Extracted(tuple(writer.pages))


def decode_html(data: bytes, declared: str | None = None) -> str:
    """The characters, by `declared` (from outside, such as an email's part), else by what the page says of itself."""
    found = _CHARSET.search(data[:4096])
    named = next((name.decode() for name in found.groups() if name), None) if found else None
    return decode(data, declared or named)


def render(markup: str, writer: Writer, *, with_title: bool = False) -> None:
    """Writes what a reader of the page sees: headings, paragraphs, lists, tables; no scripts, no styles."""
    root = _tree(markup.replace("\0", ""))
    if root is None:
        return
    if with_title and root.find(".//h1") is None:
        writer.block(one_line(root.findtext("head/title") or ""))
    _walk(root, Blocks(writer))


def _tree(markup: str) -> etree._Element | None:
    """libxml2 drops what lies more than 2,048 elements deep, so such a page is read without what makes it deep."""
    if not markup.strip():
        return None
    with refusing_malformed("HTML page"):
        root, cut = _parsed(markup)
        return _parsed(_NESTING.sub("\n", markup))[0] if cut else root


def _parsed(markup: str) -> tuple[etree._Element | None, bool]:
    # bytes, since lxml refuses a str that declares an encoding
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(markup.encode("utf-8", "replace"), parser)
    return root, any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log)


def _walk(root: etree._Element, blocks: Blocks) -> None:
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        if element.tag in _UNSEEN or element.get("hidden") is not None:
            if event == "start":
                walker.skip_subtree()
            else:
                blocks.text(element.tail)
        elif event == "start":
            blocks.start(element)
            blocks.text(element.text)
        else:
            blocks.end(element)
            blocks.text(element.tail)
    blocks.flush()
