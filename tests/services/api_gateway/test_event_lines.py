from __future__ import annotations

import gzip

import pytest

from services.api_gateway.bodies import PIECE, Gunzip
from services.api_gateway.event_lines import Line, Lines, items
from services.api_gateway.problems import Problem


def cut(body: bytes, size: int, longest: int = 100) -> list[Line]:
    lines = Lines(longest)
    found = [line for start in range(0, len(body), size) for line in lines.feed(body[start : start + size])]
    return [*found, *lines.end()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_however_they_arrive(size: int) -> None:
    """Line ends of both kinds; blank lines are counted; the last may have no end; blanks stay as they are."""
    body = b"a\r\n\n \t\nb \r\r\n" + b"x" * 102 + b"\n" + b"y" * 100 + b"\r\nlast"
    assert cut(body, size) == [(1, b"a"), (4, b"b \r"), (5, None), (6, b"y" * 100), (7, b"last")]
    assert cut(body + b"\n", size) == cut(body, size)


def test_a_line_one_too_long_is_for_the_rules_to_refuse() -> None:
    """What could be a line's end is kept, so that no line is taken for too long that isn't."""
    assert cut(b"x" * 101, 1000) == [(1, b"x" * 101)]
    assert cut(b"x" * 102, 1000) == [(1, None)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b" [] ", []),
        (b"[1 , 2]", [b"1", b"2"]),
        (b'[{"a": [1, "]"]},\n"\xc3\xbc"]', [b'{"a": [1, "]"]}', b'"\xc3\xbc"']),
        (b"[" + b"9" * 9000 + b", NaN, 1e999]", [b"9" * 9000, b"NaN", b"1e999"]),
        (b' {"a": 1} ', [b' {"a": 1} ']),
        (b"junk", [b"junk"]),
    ],
)
def test_items_of_an_array(body: bytes, found: list[bytes]) -> None:
    """Each as it was written; what is no array is one item."""
    assert list(items(body)) == found


@pytest.mark.parametrize("body", [b"[", b"[1", b"[1,", b"[1,]", b"[,]", b"[1 2]", b"[1]]", b'["', b"[nope]"])
def test_an_array_that_cannot_be_read(body: bytes) -> None:
    """The problem says where."""
    with pytest.raises(Problem, match="line 1, column") as caught:
        list(items(body))
    assert caught.value.status == 400


def test_a_small_body_can_be_a_large_one_packed() -> None:
    """It comes out in pieces of bounded size."""
    gunzip = Gunzip()
    sizes = [len(piece) for piece in gunzip.feed(gzip.compress(b"x" * 5_000_000))]
    assert (sum(sizes), max(sizes) <= PIECE, gunzip.complete) == (5_000_000, True, True)
