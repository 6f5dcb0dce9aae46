"""Plain text, Markdown, CSV, RTF."""

from __future__ import annotations

import pytest

from services.docproc.parsing import Heading
from shared.contracts.kinds import Kind
from tests.services.docproc.parsing.reading import Read


def test_plain_text_is_kept_as_it_is(read: Read) -> None:
    """Indentation and line ends stay; what shows nothing goes."""
    extracted = read("text/plain", b"func main() {\r\n\tprint(1)\r\n}\x00\r\n")
    assert extracted.text == "func main() {\n\tprint(1)\n}"
    assert (extracted.markdown, extracted.page_count, extracted.pages[0].number) == (False, None, None)


def test_markdown_headings_are_those_of_commonmark(read: Read) -> None:
    """Both ways of writing a heading count; a `#` in a code block doesn't."""
    text = b"One\n===\n\ntext\n\n```sh\n# a comment\n```\n\n### Two `x` ###\n"
    (page,) = read("text/markdown", text).pages
    assert page.headings == (Heading(1, "One", 0), Heading(3, "Two `x`", page.text.index("### Two")))


def test_markdown_code_is_marked(read: Read) -> None:
    """Code between fences, also where the last one is missing, and code by its indentation."""
    (page,) = read("text/markdown", b"a\n\n```sh\nls\n\nls\n```\nb\n\n    indented\n\nc\n\n~~~\nend").pages
    assert {span.kind for span in page.spans} == {Kind.CODE}
    marked = [page.text[span.start : span.end].rstrip() for span in page.spans]
    assert marked == ["```sh\nls\n\nls\n```", "    indented", "~~~\nend"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_with_the_delimiter_it_has(read: Read, delimiter: str) -> None:
    """The delimiter is found out, and a quoted cell may hold it."""
    lines = [["river", "remark"], ["Cauce", f'"broad{delimiter} slow"'], ["Seco", '"two\nlines"']]
    extracted = read("text/csv", "\n".join(delimiter.join(line) for line in lines).encode())
    quoted = " ".join(f"broad{delimiter} slow".split())
    assert extracted.text == f"| river | remark |\n| --- | --- |\n| Cauce | {quoted} |\n| Seco | two lines |"


def test_a_table_of_one_column_is_read(read: Read) -> None:
    """Without any delimiter each line is a cell."""
    assert read("text/csv", b"river\nCauce\n").text == "| river |\n| --- |\n| Cauce |"


def test_rtf_gives_its_text_and_not_its_commands(read: Read) -> None:
    """Letters in a charset of their own and in Unicode are read, font tables and pictures aren't."""
    text = rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator Writer;}Gr\'f6\'dfe \u1056?\par Second}"
    assert read("application/rtf", text).text == "Größe Р\nSecond"
