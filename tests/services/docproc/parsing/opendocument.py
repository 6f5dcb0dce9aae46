"""Small OpenDocuments: their members by name."""

from __future__ import annotations

_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("presentation", "presentation"),
        ("style", "style"),
        ("svg", "svg-compatible"),
    )
)
_SPACES += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
_KINDS = {"text": "text", "sheet": "spreadsheet", "slides": "presentation"}


def opendocument(kind: str, body: str, *, styles: str = "", **members: str) -> dict[str, str]:
    """A `text`, `sheet` or `slides` with this body; `styles` go into a part of their own."""
    name = _KINDS[kind]
    found = {
        "mimetype": f"application/vnd.oasis.opendocument.{name}",
        "content.xml": content(f"<office:{name}>{body}</office:{name}>"),
        **members,
    }
    if styles:
        found["styles.xml"] = f"<office:document-styles {_SPACES}>{styles}</office:document-styles>"
    return found


def content(body: str) -> str:
    return f"<office:document-content {_SPACES}><office:body>{body}</office:body></office:document-content>"


def manifest(entry: str) -> str:
    name = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return f'<m:manifest xmlns:m="{name}"><m:file-entry m:full-path="content.xml">{entry}</m:file-entry></m:manifest>'


def paragraph(text: str, style: str = "Standard") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def cell(text: str, attributes: str = "") -> str:
    return f"<table:table-cell {attributes}>{paragraph(text) if text else ''}</table:table-cell>"


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def table(*rows: str, name: str = "T") -> str:
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'


def comment(text: str) -> str:
    about = "<dc:creator>Ada</dc:creator><dc:date>2022-12-16</dc:date>"
    return f"<office:annotation>{about}{paragraph(text)}</office:annotation>"


def box(text: str, attributes: str = "") -> str:
    return f"<draw:frame {attributes}><draw:text-box>{text}</draw:text-box></draw:frame>"
