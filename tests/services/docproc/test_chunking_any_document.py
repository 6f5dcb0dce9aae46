"""What holds of the chunks of any document whatever: seen on a few hundred that are made up at random."""

from __future__ import annotations

import random
import re
from functools import cache
from itertools import pairwise

import pytest

from services.docproc.chunking import Chunk, ChunkOptions, chunk
from services.docproc.parsing import PAGE_SEPARATOR, Extracted
from services.docproc.tokens import TokenCounter, embedding_tokenizer
from shared.contracts.kinds import Kind
from tests.services.docproc.random_documents import Author

SEEDS = range(60)
COUNT = TokenCounter(embedding_tokenizer())
_BETWEEN_LETTERS = re.compile(r"[A-Za-zа-яö0-9]{2}")
_TABLE_HEAD = re.compile(r"\| .* \|\n\|(?: --- \|)+")


@cache
def cut(seed: int) -> tuple[Extracted, ChunkOptions, list[Chunk]]:
    """A document, and its chunks of some size, every other time with an overlap."""
    size = random.Random(seed).choice((24, 48, 100, 256))
    document, options = Author(seed).document(), ChunkOptions(size, size // 4 if seed % 2 else 0)
    return document, options, chunk(document, options)


@pytest.mark.parametrize("seed", SEEDS)
def test_ranges_are_right(seed: int) -> None:
    """A chunk's text is that of its range, on its page; only parts of tables have a head in front of it."""
    document, _, chunks = cut(seed)
    for each in chunks:
        text = document.text[each.char_start : each.char_end]
        assert text.strip()
        assert each.text == text or (each.kind is Kind.TABLE and each.text.endswith(f"\n{text}"))
        assert any(page.number == each.page and text in page.text for page in document.pages)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost(seed: int) -> None:
    """Every character that isn't white space is in a chunk; without overlap in just one."""
    document, options, chunks = cut(seed)
    times = [0] * len(document.text)
    for each in chunks:
        for place in range(each.char_start, each.char_end):
            times[place] += 1
    shown = [count for count, character in zip(times, document.text, strict=True) if not character.isspace()]
    assert min(shown) == 1
    assert max(shown) == 1 or options.overlap_tokens


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_come_in_order(seed: int) -> None:
    """Each begins and ends behind where the one before did."""
    _, _, chunks = cut(seed)
    assert [each.index for each in chunks] == list(range(len(chunks)))
    assert all(a.char_start < b.char_start and a.char_end < b.char_end for a, b in pairwise(chunks))


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_hold(seed: int) -> None:
    """No chunk has more tokens than allowed, and the number it says is that of its whole text."""
    _, options, chunks = cut(seed)
    assert all(each.token_count == COUNT(each.text) <= options.max_tokens for each in chunks)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_again(seed: int) -> None:
    """Cutting once more gives the same chunks."""
    document, options, chunks = cut(seed)
    assert chunk(document, options) == chunks


@pytest.mark.parametrize("seed", SEEDS)
def test_no_word_is_cut(seed: int) -> None:
    """No chunk begins or ends between two letters, but in what is too long for a chunk."""
    document, options, chunks = cut(seed)
    text = document.text
    for place in {place for each in chunks for place in (each.char_start, each.char_end)}:
        if _BETWEEN_LETTERS.match(text, max(0, place - 1)) and 0 < place < len(text):
            start = max(text.rfind(" ", 0, place), text.rfind("\n", 0, place)) + 1
            word = re.match(r"\S+", text[start:])
            assert word
            assert COUNT(word[0]) > (options.max_tokens - options.overlap_tokens) // 2


@pytest.mark.parametrize("seed", SEEDS)
def test_no_heading_is_left_alone(seed: int) -> None:
    """A heading is never the end of a chunk where text follows it, unless it fills most of a chunk itself."""
    document, options, chunks = cut(seed)
    ends = {each.char_end for each in chunks}
    start = 0
    for page in document.pages if document.markdown else ():
        for heading in page.headings:
            line = page.text[heading.start :].split("\n", 1)[0]
            end = heading.start + len(line)
            following = page.text[end:].lstrip()
            if following and not following.startswith("#") and COUNT(line) <= options.max_tokens // 2:
                alone = start + end in ends and not following.startswith("```\n```")
                assert not alone, line
        start += len(page.text) + len(PAGE_SEPARATOR)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_stay_whole(seed: int) -> None:
    """A table is cut between rows; a row only where it has more tokens than a chunk, or stands below a heading."""
    document, options, chunks = cut(seed)
    if not document.markdown:
        return
    places = {place for each in chunks for place in (each.char_start, each.char_end)}
    position = 0
    for line in document.text.split("\n"):
        row = line.startswith("| ") and line.endswith(" |")
        headed = document.text[:position].rstrip().rpartition("\n")[2].startswith("#")
        if row and not headed and COUNT(line) <= options.max_tokens:
            inside = {place for place in places if position < place < position + len(line)}
            assert not inside, line
        position += len(line) + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_later_parts_of_tables_have_the_head(seed: int) -> None:
    """A chunk that begins with a later row has the head of that table above it where it isn't too large."""
    document, options, chunks = cut(seed)
    for each in chunks:
        text = document.text[each.char_start : each.char_end]
        if each.text != text:
            head = each.text.removesuffix(f"\n{text}")
            assert _TABLE_HEAD.fullmatch(head)
            above = document.text[: each.char_start]
            assert above.rstrip("\n").rfind("\n\n") < above.rfind(head)
            assert 2 * COUNT(head) <= options.max_tokens


def test_the_documents_are_what_they_are_meant_to_be() -> None:
    """Among them are tables that go on with their head, notes, code, overlaps and words that were cut."""
    results = [cut(seed) for seed in SEEDS]
    chunks = [each for _, _, these in results for each in these]
    assert {each.kind for each in chunks} == set(Kind)
    assert sum(len(each.text) > each.char_end - each.char_start for each in chunks) > 50
    assert any(b.char_start < a.char_end for _, _, these in results for a, b in pairwise(these))
    assert any(" " not in each.text for each in chunks)
