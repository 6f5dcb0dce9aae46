"""HTML that nests, hides, reaches out, or is hard to tell apart."""

from __future__ import annotations

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused

CORRUPT, COMPLEX, TOO_LARGE, EMPTY = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY
_SECRET = (lures.SECRET,)


def _html(body: str, head: str = "") -> bytes:
    return f"<!doctype html><html><head>{head}</head><body><p>{RIVER}</p>{body}</body></html>".encode()


def _outside() -> bytes:
    url, file = lures.url(), f"file://{lures.secret_file()}"
    head = (
        f'<base href="{url}"><meta http-equiv=refresh content="0;url={url}"><link rel=stylesheet href="{url}">'
        f'<script src="{url}"></script><style>@import "{url}";</style>'
    )
    frames = "".join(
        f'<iframe src="{each}">x</iframe><object data="{each}"></object><img src="{each}">' for each in (url, file)
    )
    return _html(f'{frames}<!--#include file="{lures.secret_file()}"--><a href="javascript:alert(1)">link</a>', head)


def _xhtml_entities() -> bytes:
    entity = (
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{lures.secret_file()}"><!ENTITY % p SYSTEM "{lures.url()}">%p;]>'
    )
    return f'<?xml version="1.0"?>{entity}<html><body><p>{RIVER} &x;</p></body></html>'.encode()


def _unclosed_behind_depth() -> bytes:
    """What is stripped to flatten the page must not be looked for to the page's end from each of its beginnings."""
    return _html("<div>" * 3_000 + "<a" * 400_000)


CASES: tuple[Hostile, ...] = (
    read("a million divisions within each other", "deep.html", lambda: _html("<div>" * 1_000_000 + "end")),
    read("10,000 bold words within each other", "bold.html", lambda: _html("<b>x " * 10_000)),
    read("5,000 tables within each other", "tables.html", lambda: _html("<table><tr><td>" * 5_000 + "end")),
    read("400 lists within each other", "lists.html", lambda: _html("<ul><li>x" * 400)),
    read("tags that never end, behind too deep a nesting", "open.html", _unclosed_behind_depth),
    read(
        "a thousand lists within 500 tables",
        "mixed.html",
        lambda: _html("<table><tr><td>x" * 500 + "<ul><li>y" * 1_000),
    ),
    refused("one line of 15 MB", "line.html", lambda: _html("river " * 2_500_000), TOO_LARGE),
    read("one word of 20,000 letters", "word.html", lambda: _html("<p>" + "a" * 20_000)),
    read(
        "a script, a style and a template, whose text nobody sees",
        "script.html",
        lambda: _html(
            "<script>steal()</script><style>p{color:red}</style><template>gone</template><noscript>gone</noscript>"
            "<svg><text>gone</text></svg><p hidden>gone</p><div onclick='steal()'>seen</div>"
        ),
        RIVER,
        "seen",
        hides=("steal", "color", "gone"),
    ),
    read("a script that never ends", "script.html", lambda: _html("<script>steal(" + "x" * 100_000), hides=("steal",)),
    read("a comment that never ends", "comment.html", lambda: _html("<!-- " + "x" * 100_000)),
    read("a thousand comments before the page", "comments.html", lambda: b"<!---->" * 1_000 + _html("")),
    read("six hundred comments before no page at all", "comments.txt", lambda: b"<!---->" * 580 + RIVER.encode()),
    read("300,000 tags that close what nobody opened", "close.html", lambda: _html("</div></p></x>" * 100_000)),
    either(
        "NUL between the letters of a tag",
        "nul.html",
        lambda: _html("<scr\0ipt>steal()</scr\0ipt>"),
        Code.UNSUPPORTED,
        hides=("steal",),
    ),
    read("5,000 attributes", "attributes.html", lambda: _html(f"<p {' '.join(f'a{n}=x' for n in range(5_000))}>x")),
    read("an attribute of 2 MB", "attribute.html", lambda: _html(f'<p title="{"x" * 2_000_000}">x')),
    read("a tag of a million letters", "tag.html", lambda: _html(f"<{'a' * 1_000_000}>x")),
    read(
        "two charsets that contradict each other",
        "charset.html",
        lambda: _html(
            "Ünïcode", '<meta charset="utf-16"><meta http-equiv=content-type content="text/html;charset=koi8-r">'
        ),
        RIVER,
        "Ünïcode",
    ),
    *(
        read(
            f"the charset `{name}`, which is none",
            "charset.html",
            lambda name=name: _html(  # type: ignore[misc]
                "", f'<meta charset="{name}">'
            ).replace(b"</p>", b" \xfc</p>"),
        )
        for name in ("undefined", "punycode", "idna", "zlib", "rot13", "unicode_escape", "utf-7", "mbcs", "x" * 900)
    ),
    read(
        "a byte order mark against the charset",
        "bom.html",
        lambda: b"\xef\xbb\xbf" + _html("", '<meta charset="utf-16be">'),
    ),
    read(
        "characters that can't be",
        "entities.html",
        lambda: _html("&#x110000;&#0;&#xD800;&#xFFFF;&#99999999999999999999;&nosuch;"),
    ),
    read("10,000 entities", "entities.html", lambda: _html("&amp;" * 10_000)),
    read("frames, pictures, styles and scripts from elsewhere", "out.html", _outside, hides=_SECRET),
    read("entities of the host in XHTML", "xxe.xhtml", _xhtml_entities, hides=_SECRET),
    either("plain text without end", "plaintext.html", lambda: _html("<plaintext>" + "<b>" * 2_000), TOO_LARGE),
    either("nothing but a title that never ends", "title.html", lambda: b"<html><title>" + b"x" * 30_000, EMPTY),
    read("a table of 5,000 rows", "rows.html", lambda: _html("<table>" + "<tr><td>a<td>b" * 5_000)),
    read(
        "a row of 2,000 cells, each as wide as can be",
        "wide.html",
        lambda: _html("<table><tr>" + "<td colspan=99999999>x" * 2_000),
    ),
    read(
        "items that say where to begin",
        "start.html",
        lambda: _html(f"<ol start={'9' * 5_000}><li value=-{'9' * 5_000}>x</ol>"),
    ),
    read("headings and nothing else", "headings.html", lambda: _html("<h1>a</h1>" * 3_000)),
    read(
        "an instruction to load a style",
        "pi.xhtml",
        lambda: f'<?xml-stylesheet href="{lures.url()}"?>'.encode() + _html(""),
    ),
    read(
        "text that breaks out of a table",
        "cells.html",
        lambda: _html("<table><tr><td>a|b\n# c</td><td>d</td></tr></table>"),
        RIVER,
        "# c",
    ),
)
