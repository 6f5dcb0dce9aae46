"""How events lie in a body: one a line, or as the items of a JSON array. They keep the bytes that they were sent as."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from services.api_gateway.problems import Problem

LINE_END_ROOM = 1
BLANKS = b" \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_ITEMS = json.JSONDecoder(parse_int=str, parse_float=str)
"""Where an item ends is all that is asked of it: what it says is judged later."""


class Line(NamedTuple):
    """`number` counts from 1. `value` is None where the line is longer than is looked at."""

    number: int
    value: bytes | None


class Lines:
    """Cuts pieces into lines. Of an endless line no more than `longest` bytes are kept."""

    def __init__(self, longest: int) -> None:
        self._longest = longest + LINE_END_ROOM
        self._rest = bytearray()
        self._too_long = False
        self._number = 0

    def feed(self, piece: bytes) -> Iterator[Line]:
        """The lines that this piece ends; blank ones are counted and left out."""
        first, *others = piece.split(b"\n")
        self._keep(first)
        for start in others:
            yield from self._ended()
            self._keep(start)

    def end(self) -> Iterator[Line]:
        """What stands behind the last line's end."""
        yield from self._ended()

    def _keep(self, part: bytes) -> None:
        if self._too_long or len(self._rest) + len(part) > self._longest:
            self._too_long = True
            self._rest.clear()
        else:
            self._rest += part

    def _ended(self) -> Iterator[Line]:
        self._number += 1
        if self._too_long or self._rest.strip(BLANKS):
            yield Line(self._number, None if self._too_long else bytes(self._rest.removesuffix(b"\r")))
        self._rest.clear()
        self._too_long = False


def items(body: bytes) -> Iterator[bytes]:
    """Of a JSON array, else the whole body as the only one. Raises Problem 400 where the array can't be read."""
    array = body.strip(BLANKS)
    if not array.startswith(b"["):
        yield body
        return
    try:
        yield from _items(array.decode())
    except UnicodeDecodeError:
        raise Problem(400, "malformed_json", "the array is not UTF-8") from None
    except RecursionError:
        raise Problem(400, "malformed_json", "the array is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, "malformed_json", f"the array can't be read: {error.msg}: {where}") from None


def _items(text: str) -> Iterator[bytes]:
    place = _past_space(text, 1)
    if text[place : place + 1] == "]":
        _check_end(text, place + 1)
        return
    while True:
        _, end = _ITEMS.raw_decode(text, place)
        yield text[place:end].encode()
        place = _past_space(text, end)
        if text[place : place + 1] == "]":
            _check_end(text, place + 1)
            return
        if text[place : place + 1] != ",":
            raise json.JSONDecodeError("a `,` or a `]` is missing", text, place)
        place = _past_space(text, place + 1)


def _past_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _check_end(text: str, place: int) -> None:
    if place != len(text):
        raise json.JSONDecodeError("there is more after the array", text, place)
