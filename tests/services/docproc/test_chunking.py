"""Cutting text into chunks: where, how large, and always the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from services.docproc.chunking import ChunkOptions, chunk
from services.docproc.parsing import Extracted, Heading, Page
from services.docproc.tokens import TokenCounter, embedding_tokenizer
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
