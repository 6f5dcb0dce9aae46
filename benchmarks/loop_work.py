"""The work that every contender of `make bench-loop` does, and where: the same contract, checked, the same answer.

Imported in two virtual environments, so it needs nothing but pydantic.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

TEXT = ("the quick brown fox jumps over the lazy dog, " * 21)[:940]
"""Makes a value of 1 kB."""
KEYS = 10_000


class Work(BaseModel):
    """What is consumed and published; `key` is a document's id, and the record's key."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: str
    number: int
    text: str


W = TypeVar("W", bound=Work)


@dataclass(frozen=True)
class Place:
    """Where a contender works: it reads all of topic `source` as `group` and writes to topic `target`."""

    servers: str
    group: str
    source: str
    target: str


def place() -> Place:
    """From the command line."""
    options = argparse.ArgumentParser()
    for name in ("servers", "group", "source", "target"):
        options.add_argument(name)
    return Place(**vars(options.parse_args()))


def decode(value: bytes | None) -> Work:
    return Work.model_validate_json(value or b"")


def handle(work: W) -> W:
    return type(work)(key=work.key, number=work.number + 1, text=work.text)


def encode(work: Work) -> bytes:
    return work.model_dump_json().encode()
