"""EPUB: each chapter a page, in the order of the book's spine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from services.docproc.parsing.archive import Archive, opened, resolve
from services.docproc.parsing.html import decode_html, render
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import encrypted
from services.docproc.parsing.writer import Writer

_KIND = "EPUB"
_DOCUMENTS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")
_SUFFIXES = (".xhtml", ".html", ".htm", ".xml")


def read(path: Path, limits: Limits) -> Extracted:
    """Chapters by their place in the reading order, from 1, as pages; one that is missing keeps its number.

    Chapters behind a DRM scheme make the book `encrypted`.
    """
    writer = Writer(limits)
    with opened(path, _KIND, limits) as archive:
        locked = set(_locked(archive))
        chapters = list(dict.fromkeys(_spine(archive)))
        for number, name in enumerate(chapters, start=1):
            if name in locked:
                raise encrypted(_KIND)
            if name in archive:
                render(decode_html(archive.read(name)), writer)
            writer.end_page(number)
    return Extracted(tuple(writer.pages), len(chapters))


def _spine(archive: Archive) -> Iterator[str]:
    package = _package(archive)
    root = archive.xml(package)
    items = {item.get("id"): item for item in root.iter("{*}item")}
    for reference in root.iter("{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is not None and _is_text(item.get("media-type", ""), item.get("href", "")):
            yield resolve(package, item.get("href", ""))


def _is_text(media_type: str, href: str) -> bool:
    return media_type in _DOCUMENTS or href.lower().endswith(_SUFFIXES)


def _package(archive: Archive) -> str:
    """The name of the package document; any `.opf` where the container file is missing."""
    if "META-INF/container.xml" in archive:
        for rootfile in archive.xml("META-INF/container.xml").iter("{*}rootfile"):
            if rootfile.get("full-path"):
                return resolve("", rootfile.get("full-path", ""))
    return next((name for name in archive.names() if name.lower().endswith(".opf")), "content.opf")


def _locked(archive: Archive) -> Iterator[str]:
    """Members that are encrypted; obfuscated fonts are listed in the same file, and are no reason to refuse."""
    if "META-INF/encryption.xml" in archive:
        for reference in archive.xml("META-INF/encryption.xml").iter("{*}CipherReference"):
            yield resolve("", reference.get("URI", ""))
