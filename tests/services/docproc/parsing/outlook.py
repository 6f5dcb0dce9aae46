"""Messages as Outlook saves them: texts and numbers by their tags, and what is attached."""

from __future__ import annotations

import struct

from tests.services.docproc.parsing.compound import Tree, compound

NUMBERS = "__properties_version1.0"


def numbers(header: int, values: dict[int, int]) -> bytes:
    return bytes(header) + b"".join(struct.pack("<HHIQ", 3, tag, 6, value) for tag, value in values.items())


def item(header: int, texts: dict[int, str], *more: Tree, values: dict[int, int] | None = None) -> Tree:
    streams = {f"__substg1.0_{tag:04X}001F": text.encode("utf-16-le") for tag, text in texts.items()}
    found: dict[str, bytes | Tree] = {**streams, NUMBERS: numbers(header, values or {})}
    for each in more:
        found |= each
    return found


def binary(tag: int, content: bytes) -> Tree:
    return {f"__substg1.0_{tag:04X}0102": content}


def message(texts: dict[int, str], *more: Tree, values: dict[int, int] | None = None) -> bytes:
    return compound(item(32, texts, *more, values=values))


def attachments(*items: Tree) -> Tree:
    return {f"__attach_version1.0_#{number:08X}": each for number, each in enumerate(items)}


def inner(texts: dict[int, str], *more: Tree) -> Tree:
    return item(8, {0x3001: "the inner one"}, {"__substg1.0_3701000D": item(24, texts, *more)}, values={0x3705: 5})
