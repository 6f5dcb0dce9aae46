"""Zip containers of XML (Office Open XML, OpenDocument, EPUB), opened with a cap on what they unpack to."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from services.docproc.parsing.model import Limits
from services.docproc.parsing.refusals import corrupt, encrypted, refusing_malformed, too_large

_MOST_MEMBERS = 50_000
_NO_CHARACTER = re.compile(rb"&#(?:[xX]0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*5[5-7][0-9]{3});")
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True, slots=True)
class Relation:
    """An entry of a part's `.rels`; `target` is the name of a member, `kind` the last word of the relation's type."""

    kind: str
    target: str


class Archive:
    """Members are looked up without regard to case, and a leading `/`, since producers differ in both."""

    def __init__(self, file: zipfile.ZipFile, kind: str, limits: Limits) -> None:
        self.kind = kind
        self._file = file
        self._limits = limits
        self._names = {_folded(info.filename): info for info in file.infolist()}

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._names

    def names(self) -> list[str]:
        return [info.filename for info in self._names.values()]

    def read(self, name: str) -> bytes:
        """The member's bytes. Raises Permanent: `encrypted`, `too_large`, or `corrupt` (missing, broken)."""
        info = self._names.get(_folded(name))
        if info is None:
            raise corrupt(self.kind, f"`{name}` is missing")
        if info.flag_bits & 1:
            raise encrypted(self.kind)
        most, spent = self._limits.max_unpacked_bytes, self._limits.spent
        with refusing_malformed(self.kind), self._file.open(info) as member:
            data = member.read(most - spent.unpacked_bytes + 1)
        spent.unpacked_bytes += len(data)
        if spent.unpacked_bytes > most:
            raise too_large("unpacked bytes", most)
        return data

    def xml(self, name: str) -> etree._Element:
        """The member's root element, read past small errors of syntax; entities and the network are left alone."""
        data = self.read(name)
        with refusing_malformed(self.kind):
            root = etree.fromstring(_NO_CHARACTER.sub(_character, data), _xml_parser())
        if root is None:
            raise corrupt(self.kind, f"`{name}` isn't XML")
        return root

    def relations(self, part: str) -> dict[str, Relation]:
        """The part's relations to other members, by id; those to the outside world are left out."""
        folder, base = posixpath.split(part)
        name = f"{folder}/_rels/{base}.rels"
        if name not in self:
            return {}
        return {
            entry.get("Id", ""): Relation(
                kind=entry.get("Type", "").rsplit("/", 1)[-1],
                target=resolve(part, entry.get("Target", "")),
            )
            for entry in self.xml(name).iter("{*}Relationship")
            if entry.get("TargetMode") != "External"
        }


@contextmanager
def opened(path: Path, kind: str, limits: Limits) -> Iterator[Archive]:
    """Opens a container; `kind` is what messages call it. Raises Permanent: `encrypted` or `corrupt`."""
    with path.open("rb") as stream:
        if stream.read(len(_COMPOUND_FILE)) == _COMPOUND_FILE:
            raise encrypted(kind)
        with refusing_malformed(kind):
            file = zipfile.ZipFile(stream)
        with file:
            if len(file.infolist()) > _MOST_MEMBERS:
                raise too_large("members of the container", _MOST_MEMBERS)
            yield Archive(file, kind, limits)


def resolve(part: str, target: str) -> str:
    """A member's name from a reference in `part`, relative or absolute within the container."""
    path = unquote(target.split("#", 1)[0].replace("\\", "/"))
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), path)).lstrip("/")


def _character(reference: re.Match[bytes]) -> bytes:
    """Nothing for one half of a surrogate pair, which libxml2 would let through, and which no text can hold."""
    digits = reference[0][2:-1].lower()
    code = int(digits[1:], 16) if digits.startswith(b"x") else int(digits)
    return b"" if 0xD800 <= code <= 0xDFFF else reference[0]


def _folded(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _xml_parser() -> etree.XMLParser:
    return etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
