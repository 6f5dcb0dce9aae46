"""Cutting text into chunks: where, how large, and always the same."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from services.docproc.chunking import Chunk, ChunkOptions, chunk
from services.docproc.parsing import Extracted, Heading, Page, Span
from services.docproc.tokens import TokenCounter, embedding_tokenizer
from shared.contracts.kinds import Kind
from shared.errors import Code, Permanent

PROSE = "The river divides here.  It has done so since the flood; nobody knows for how long it will go on.\n"
BOOK = Extracted(
    pages=(
        Page(
            1, "# Springs\n\nWater.\n\n## North\n\n" + PROSE * 40, (Heading(1, "Springs", 0), Heading(2, "North", 20))
        ),
        Page(2, PROSE * 3),
        Page(3, "Still north.\n\n## South\n\nDry.", (Heading(2, "South", 14),)),
    ),
    page_count=3,
)


@pytest.mark.parametrize("options", [ChunkOptions(), ChunkOptions(64), ChunkOptions(64, 16), ChunkOptions(1)])
def test_a_chunk_is_the_stretch_of_text_that_it_names(options: ChunkOptions) -> None:
    """Each chunk is exactly the named range of the document's text, on its page, and never blank."""
    for each in chunk(BOOK, options):
        assert each.text == BOOK.text[each.char_start : each.char_end]
        assert each.text.strip()
        assert any(page.number == each.page and each.text in page.text for page in BOOK.pages)


def test_nothing_is_lost_between_chunks() -> None:
    """Without overlap the chunks hold each character that isn't white space once, in order."""
    chunks = chunk(BOOK, ChunkOptions(32))
    assert [each.index for each in chunks] == list(range(len(chunks)))
    assert "".join("".join(each.text for each in chunks).split()) == "".join(BOOK.text.split())


def test_chunks_overlap_by_what_was_asked_for() -> None:
    """With an overlap a chunk begins before the one above it has ended."""
    lines = Extracted((Page(None, "Water over stone and sand.\n" * 50),))
    chunks = chunk(lines, ChunkOptions(64, 24))
    assert all(later.char_start < earlier.char_end for earlier, later in pairwise(chunks))


def test_no_chunk_is_larger_than_allowed_and_its_size_is_the_models() -> None:
    """The number of tokens is the embedding model's own count, and within the limit."""
    tokenizer = Tokenizer.from_file(str(embedding_tokenizer()))
    for each in chunk(BOOK, ChunkOptions(100)):
        assert each.token_count == len(tokenizer.encode(each.text, add_special_tokens=False).ids)
        assert each.token_count <= 100


def test_a_chunk_knows_the_headings_above_it() -> None:
    """The path names the headings in force where the chunk begins, also when they stand on an earlier page."""
    chunks = chunk(BOOK, ChunkOptions(40))
    assert chunks[0].heading_path == ("Springs",)
    assert {each.heading_path for each in chunks if each.page == 2} == {("Springs", "North")}
    assert [each.heading_path for each in chunk(BOOK, ChunkOptions(6)) if each.text.endswith("Dry.")] == [
        ("Springs", "South")
    ]


def test_the_same_text_gives_the_same_chunks() -> None:
    """Cutting twice gives equal chunks."""
    assert chunk(BOOK, ChunkOptions()) == chunk(BOOK, ChunkOptions())


def test_plain_text_has_no_markdown() -> None:
    """In plain text a `#` is a character like any other, and a long line is cut between its words."""
    extracted = Extracted((Page(None, "# no heading " * 60),), markdown=False)
    chunks = chunk(extracted, ChunkOptions(50))
    assert len(chunks) > 3
    assert all(each.text.split()[-1] in ("#", "no", "heading") for each in chunks)


def test_a_word_without_end_is_cut_all_the_same() -> None:
    """Text without any place to cut at still ends up in chunks of the allowed size."""
    chunks = chunk(Extracted((Page(None, "ab9x" * 2_000),), markdown=False), ChunkOptions(50))
    assert max(each.token_count for each in chunks) <= 50
    assert "".join(each.text for each in chunks) == "ab9x" * 2_000


def test_white_space_is_no_text() -> None:
    """A document of white space alone is refused as empty."""
    with pytest.raises(Permanent) as caught:
        chunk(Extracted((Page(1, " \n\t"), Page(2, "\u00a0"))), ChunkOptions())
    assert caught.value.code is Code.EMPTY


def test_the_fingerprint_changes_with_whatever_changes_the_chunks(tmp_path: Path) -> None:
    """Size, overlap and the tokenizer's content are in the fingerprint; where the tokenizer lies is not."""
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    same.write_bytes(embedding_tokenizer().read_bytes())
    other.write_bytes(embedding_tokenizer().read_bytes() + b"\n")
    options = ChunkOptions(), ChunkOptions(255), ChunkOptions(256, 1), ChunkOptions(tokenizer_file=other)
    assert len({each.fingerprint for each in options}) == len(options)
    assert ChunkOptions(tokenizer_file=same).fingerprint == ChunkOptions().fingerprint
    assert len(ChunkOptions().fingerprint) == 16


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 10), (10, -1)])
def test_impossible_sizes_are_refused(size: int, overlap: int) -> None:
    """A size below one token, or an overlap as large as the chunk, is an error of configuration."""
    with pytest.raises(ValueError, match="overlap"):
        ChunkOptions(size, overlap)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "word",
        "  indented\n\ttext   with  runs of     spaces ",
        "def f(x):\n    return x  # twice\n\n\n",
        "Größe, naïveté, 河床, русло, مجرى 🏞️",
        "x" * 300 + " " + "y" * 300,
        "a\u00a0b\u2003c",
    ],
)
def test_counting_by_words_gives_the_tokenizers_own_number(text: str) -> None:
    """The remembered words add up to what the tokenizer says of the whole text."""
    tokenizer = Tokenizer.from_file(str(embedding_tokenizer()))
    counter = TokenCounter(embedding_tokenizer())
    assert max(counter(text), 0 if text else 1) == max(
        len(tokenizer.encode(text, add_special_tokens=False).ids), not text
    )


ROWS = [f"| row {number} | of many rows |" for number in range(40)]
HEAD = "| name | remark |\n| --- | --- |"


def cut(text: str, size: int, overlap: int = 0, **marks: Any) -> list[Chunk]:
    return chunk(Extracted((Page(None, text, **marks),)), ChunkOptions(size, overlap))


def heading(text: str, title: str, level: int = 1) -> Heading:
    return Heading(level, title, text.index(f"# {title}") - level + 1)


def test_parts_of_a_table_begin_with_its_head() -> None:
    """A table is cut between its rows; the range of a later part is that of its rows alone."""
    text = "\n".join([HEAD, *ROWS])
    first, *others = cut(text, 64)
    assert first.text.startswith(HEAD)
    assert len(others) > 5
    for each in others:
        rows = text[each.char_start : each.char_end]
        assert each.text == f"{HEAD}\n{rows}"
        assert set(rows.split("\n")) <= set(ROWS)
    assert {each.kind for each in (first, *others)} == {Kind.TABLE}


def test_a_large_head_is_not_repeated() -> None:
    """A head that would take more than half of each chunk stands in the first alone."""
    head = f"| {'name ' * 30}|\n| --- |"
    first, *others = cut("\n".join([head, *ROWS]), 48)
    assert first.text.startswith("| name")
    assert all("---" not in each.text for each in others[1:])


def test_a_row_that_is_too_long_is_cut_at_words_under_the_head() -> None:
    """Each part of such a row has the head above it."""
    row = f"| {'stone ' * 100}| sand |"
    parts = [each for each in cut(f"{HEAD}\n{row}", 50) if "stone" in each.text]
    assert len(parts) > 2
    assert all(each.text.startswith(HEAD) and each.text.split()[-1] in ("stone", "|") for each in parts[1:])


def test_rows_overlap_as_a_whole() -> None:
    """With an overlap a later part of a table repeats the last rows of the part before, not pieces of them."""
    chunks = cut("\n".join([HEAD, *ROWS]), 80, 30)
    assert all(later.char_start < earlier.char_end for earlier, later in pairwise(chunks))
    assert all(each.text.startswith(HEAD) and set(each.text.split("\n")[2:]) <= set(ROWS) for each in chunks)


def test_a_small_table_stays_with_its_paragraph() -> None:
    """What fits together is one chunk: it holds text, since it holds more than a table."""
    (only,) = cut(f"The rivers:\n\n{HEAD}\n{ROWS[0]}", 100)
    assert only.kind is Kind.TEXT


def test_a_heading_is_no_content() -> None:
    """A table with its heading is a table."""
    text = f"# Rivers\n\n{HEAD}\n{ROWS[0]}"
    (only,) = cut(text, 100, headings=(heading(text, "Rivers"),))
    assert (only.kind, only.heading_path) == (Kind.TABLE, ("Rivers",))


def test_a_heading_goes_with_its_text_even_if_that_is_too_long() -> None:
    """The paragraph below is cut, so that its beginning is in the heading's chunk."""
    text = f"{PROSE}\n# Rivers\n\n{PROSE * 8}"
    before, first, *_ = cut(text, 100, headings=(heading(text, "Rivers"),))
    assert before.text == PROSE.rstrip()
    assert first.text.startswith("# Rivers\n\nThe river divides here.")
    assert first.token_count > 50


def test_a_section_is_not_mixed_with_the_next_one_in_part() -> None:
    """What is left of a section is not filled up with the beginning of another that goes on behind it."""
    text = f"# One\n\nShort.\n\n# Two\n\n{PROSE * 8}"
    chunks = cut(text, 100, headings=(heading(text, "One"), heading(text, "Two")))
    assert chunks[0].text == "# One\n\nShort."
    assert {each.heading_path for each in chunks[1:]} == {("Two",)}


def test_short_sections_share_a_chunk() -> None:
    """Whole sections are put together up to the size."""
    text = "\n\n".join(f"## S{number}\n\nShort." for number in range(30))
    headings = tuple(heading(text, f"S{number}", 2) for number in range(30))
    chunks = cut(text, 100, headings=headings)
    assert all(each.text.startswith("## S") for each in chunks)
    assert 3 <= len(chunks) < 12


def test_notes_are_chunks_of_their_own() -> None:
    """What a speaker noted is told apart from what the slide shows, however short both are."""
    text = "Shown.\n\nSaid."
    chunks = cut(text, 100, spans=(Span(8, 13, Kind.NOTES),))
    assert [(each.text, each.kind) for each in chunks] == [("Shown.", Kind.TEXT), ("Said.", Kind.NOTES)]


def test_code_is_cut_at_blank_lines_and_keeps_its_indentation() -> None:
    """A `|` or a `#` in it means nothing."""
    block = "def f(x):\n    # no heading\n    return x | 1\n|---|\n\n    indented = True"
    text = "\n\n".join([block] * 12)
    chunks = cut(text, 64, spans=(Span(0, len(text), Kind.CODE),))
    assert {each.kind for each in chunks} == {Kind.CODE}
    assert {each.text.split("\n")[0] for each in chunks} <= {"def f(x):", "    indented = True"}


def test_paragraphs_are_cut_at_sentences() -> None:
    """A paragraph that is too long ends each of its chunks at the end of a sentence."""
    sentences = " ".join(f"Sentence {number} says that e.g. water runs over stone." for number in range(60))
    assert all(each.text.endswith(".") and each.text.startswith("Sentence") for each in cut(sentences, 64))


def test_text_without_spaces_is_cut_between_characters() -> None:
    """Chinese is cut at its full stops, else between characters; Thai between words."""
    chunks = cut("河床是河流流经的地方。" * 60, 64)
    assert all(each.text.endswith("。") for each in chunks)
    thai = "แม่น้ำไหลผ่านที่นี่" * 40
    assert "".join(each.text for each in cut(thai, 64)) == thai


def test_an_outline_without_lines_of_its_own_cuts_nothing() -> None:
    """In a PDF an entry of the outline is a heading's line only where its title is one."""
    page = Page(1, f"{PROSE}Springs and wells.\nSprings\n{PROSE}", (Heading(1, "Springs", 98),))
    whole = chunk(Extracted((page,), markdown=False), ChunkOptions())
    assert len(whole) == 1
    placed = Page(1, page.text, (Heading(1, "Springs", page.text.index("Springs\n")),))
    chunks = chunk(Extracted((placed,), markdown=False), ChunkOptions(40))
    assert any(each.text.startswith("Springs\n") for each in chunks)


@pytest.mark.parametrize("text", [" " * 200_000 + "x", "." * 200_000, "| " * 100_000, "-" * 200_000, "|\n" * 100_000])
def test_odd_text_takes_no_longer_than_other(text: str) -> None:
    """White space, full stops and bars without end are cut in the time that a text of that length takes."""
    began = time.process_time()
    assert "".join("".join(each.text for each in cut(text, 256)).split()) == "".join(text.split())
    assert time.process_time() - began < 20
