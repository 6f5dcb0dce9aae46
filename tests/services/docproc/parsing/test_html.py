"""HTML as its reader sees it."""

from __future__ import annotations

import pytest

from services.docproc.parsing import Heading
from tests.services.docproc.parsing.reading import Read


def text_of(read: Read, markup: str) -> str:
    return read("text/html", markup.encode()).text


def test_scripts_and_styles_are_no_text(read: Read) -> None:
    """What a browser doesn't show is left out, wherever it stands."""
    markup = (
        "<style>a{}</style><p>seen<script>var cool=1</script> too</p><template>t</template><!-- c --><p hidden>h</p>"
    )
    assert text_of(read, markup) == "seen too"


def test_headings_paragraphs_and_lists_keep_their_shape(read: Read) -> None:
    """Headings, paragraphs and nested lists look as in Markdown, and the headings are known."""
    extracted = read(
        "text/html",
        b"<h1>The <b>river</b></h1>text<p>a<br>b</p><ol><li>one<li>two<ul><li>inner</ul></ol><div>end</div>",
    )
    assert extracted.text == "# The river\n\ntext\n\na\nb\n\n1. one\n2. two\n  - inner\n\nend"
    assert extracted.pages[0].headings == (Heading(1, "The river", 0),)


def test_a_sentence_is_not_torn_by_its_markup(read: Read) -> None:
    """Bold, links and line ends in the source leave no trace within a sentence."""
    assert (
        text_of(read, "<p>The <b>Cauce</b>, <a href='x'>a\n  river</a>; H<sub>2</sub>O.</p>")
        == "The Cauce, a river; H2O."
    )


def test_a_table_of_data_is_a_table(read: Read) -> None:
    """Rows become rows, also without end tags."""
    markup = "<table><tr><th>river<th>length<tr><td>Cauce<td>121<br>km</table>"
    assert text_of(read, markup) == "| river | length |\n| --- | --- |\n| Cauce | 121 km |"


def test_a_table_for_layout_is_no_table(read: Read) -> None:
    """A table that holds tables or lists is there for looks: its content is written as it comes."""
    markup = "<table><tr><td><ul><li>one</ul></td><td><table><tr><td>a<td>b</table></td></tr></table>"
    assert text_of(read, markup) == "- one\n\n| a | b |\n| --- | --- |"


def test_preformatted_text_keeps_its_lines(read: Read) -> None:
    """In `pre` each space counts."""
    assert text_of(read, "<p>x</p><pre>  a\n    b</pre>y") == "x\n\n  a\n    b\n\ny"


def test_the_title_stands_in_for_a_missing_heading(read: Read) -> None:
    """The page's title is written where the page has no heading of the first level."""
    assert text_of(read, "<title>Rivers</title><p>text") == "Rivers\n\ntext"
    assert text_of(read, "<title>Rivers</title><h1>Streams</h1>text") == "# Streams\n\ntext"


@pytest.mark.parametrize(
    "head", ['<meta charset="koi8-r">', '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">']
)
def test_the_charset_that_the_page_names_is_believed(read: Read, head: str) -> None:
    """Both ways of naming the charset work."""
    assert read("text/html", f"<head>{head}</head><p>да</p>".encode("koi8-r")).text == "да"


def test_depth_does_no_harm(read: Read) -> None:
    """A page that nests ten thousands of elements is read."""
    assert text_of(read, "<div>" * 50_000 + "deep") == "deep"


def test_a_page_of_another_age_is_read(read: Read) -> None:
    """Frames, upper case, unquoted attributes and unknown elements are all fine."""
    assert text_of(read, "<HTML><BODY BGCOLOR=white><CENTER><FONT SIZE=7>Hi</FONT></CENTER><blink>you") == "Hi\n\nyou"
