"""What goes over a connection, as far as a crash point must know it: where a message ends, what it asks for, and which
answer belongs to it. Kafka's requests, MySQL's packets, MongoDB's OP_MSG."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import bson

PRODUCE, OFFSET_COMMIT = 0, 8
FIRST_FLEXIBLE = {PRODUCE: 9, OFFSET_COMMIT: 8}
COM_QUERY = 3
OP_MSG = 2013
_TABLE = re.compile(rb"(?:INTO|UPDATE|FROM)\s+`?(\w+)`?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """`verb` is the protocol's own word (`Produce`, `OffsetCommit`, `COMMIT`, `INSERT`, `update`); `names` are the
    topics, the group, the table or the collection; `number` is what the answer repeats."""

    verb: str
    names: frozenset[str] = frozenset()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Wire:
    """A protocol. `size` gives the length of the first message, header included, of at least `head` bytes; `request`
    reads a client's message, `answers` the number of a server's."""

    head: int
    size: Callable[[bytes], int]
    request: Callable[[bytes], Request]
    answers: Callable[[bytes], int]


class Frames:
    """Cuts a stream of bytes into whole messages."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The messages that are whole with this piece."""
        self._waiting += piece
        while len(self._waiting) >= self._wire.head:
            size = self._wire.size(bytes(self._waiting[: self._wire.head]))
            if len(self._waiting) < size:
                return
            frame = bytes(self._waiting[:size])
            del self._waiting[:size]
            yield frame


# ---- Kafka: length, then api key, version, correlation id, client id -------------------------------------------------


def _kafka_request(frame: bytes) -> Request:
    key, version, number = struct.unpack_from(">hhi", frame, 4)
    if key not in FIRST_FLEXIBLE:
        return Request(f"api {key}", number=number)
    if version >= FIRST_FLEXIBLE[key]:
        raise NotImplementedError(f"Kafka's request {key} in version {version}, which has compact strings")
    _, place = _text(frame, 12)
    if key == OFFSET_COMMIT:
        group, _ = _text(frame, place)
        return Request("OffsetCommit", frozenset({group}), number)
    return Request("Produce", frozenset(_produced(frame, place, version)), number)


def _produced(frame: bytes, place: int, version: int) -> Iterator[str]:
    """Behind the transaction's id, acks and timeout: topics, each with partitions, each with its records."""
    if version >= 3:
        _, place = _text(frame, place)
    (topics,) = struct.unpack_from(">i", frame, place + 6)
    place += 10
    for _ in range(topics):
        topic, place = _text(frame, place)
        (partitions,) = struct.unpack_from(">i", frame, place)
        place += 4
        for _ in range(partitions):
            (size,) = struct.unpack_from(">i", frame, place + 4)
            place += 8 + max(0, size)
        yield topic


def _text(frame: bytes, place: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">h", frame, place)
    end = place + 2 + max(0, size)
    return frame[place + 2 : end].decode(), end


KAFKA = Wire(
    head=4,
    size=lambda head: 4 + int.from_bytes(head[:4], "big"),
    request=_kafka_request,
    answers=lambda frame: int.from_bytes(frame[4:8], "big", signed=True),
)


# ---- MySQL: three bytes of length, one of sequence, the command; one request at a time, so that any answer is its ----


def _mysql_request(frame: bytes) -> Request:
    if len(frame) < 6 or frame[3] != 0 or frame[4] != COM_QUERY:
        return Request("packet")
    statement = frame[5 : 5 + 400].lstrip()
    verb = statement.split(None, 1)[0].decode(errors="replace").upper().rstrip(";")
    return Request(verb, frozenset(name.decode() for name in _TABLE.findall(statement)))


MYSQL = Wire(
    head=4,
    size=lambda head: 4 + int.from_bytes(head[:3], "little"),
    request=_mysql_request,
    answers=lambda _frame: 0,
)


# ---- MongoDB: length, request id, answered id, operation; then flags, and a section with the command -----------------


def _mongodb_request(frame: bytes) -> Request:
    _, number, _, operation = struct.unpack_from("<iiii", frame)
    if operation != OP_MSG or frame[20] != 0:
        return Request(f"operation {operation}", number=number)
    size = int.from_bytes(frame[21:25], "little")
    command = bson.decode(frame[21 : 21 + size])
    verb = next(iter(command))
    name = command[verb]
    return Request(verb, frozenset({name} if isinstance(name, str) else ()), number)


MONGODB = Wire(
    head=4,
    size=lambda head: int.from_bytes(head[:4], "little"),
    request=_mongodb_request,
    answers=lambda frame: struct.unpack_from("<i", frame, 8)[0],
)
