"""The object store: `file:///path` or `s3://bucket/prefix`, by `obstore`. Bytes of documents never go through Kafka.

S3 answers once an object is durable. `obstore` writes a local file without an fsync and can't be told otherwise (0.12;
the Rust library below it can), so that is done here.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore, from_url

from shared.durable_folder import DurableFolder
from shared.errors import CauceError, Code, Permanent, Transient

PIECE = 5 * 1024 * 1024  # S3 takes no smaller parts
PIECES_UNDER_WAY = 2
HELD = (PIECES_UNDER_WAY + 2) * PIECE
"""Bytes that a writer has in memory at most: pieces under way, the next one, and that one's copy as it is handed on."""

GONE = ".gone"
"""Ends the name of the empty object that is left where one was removed on purpose."""


class Gone(CauceError):
    """The object was removed on purpose: what it belonged to was deleted, or superseded."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: its address within the store, SHA-256 in hex, size in bytes."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is there; `written_at` by the store's clock."""

    path: str
    written_at: datetime


class Objects:
    """Objects by path. Every method raises Transient where the store does not answer."""

    def __init__(self, url: str) -> None:
        """For `s3://`, credentials and region come from the usual AWS_ variables."""
        local = url.startswith("file://")
        self._folder = DurableFolder(Path(url.removeprefix("file://"))) if local else None
        self._store: ObjectStore = from_url(url)

    async def probe(self) -> None:
        """Raises Transient unless the store answers."""
        try:
            await obstore.head_async(self._store, ".cauce-probe")
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error

    def writer(self, path: str) -> ObjectWriter:
        """For bytes that come piece by piece. Once the writer is left without an error, the object is there, and stays
        there after a power failure."""
        return ObjectWriter(self._store, self._folder, path)

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """The object's bytes in pieces. Raises Gone, or Permanent(OBJECT_MISSING)."""
        try:
            result = await obstore.get_async(self._store, path)
            async for piece in result.stream(min_chunk_size=PIECE):
                yield bytes(piece)
        except (NotFoundError, FileNotFoundError) as error:
            if await self._exists(path + GONE):
                raise Gone(path) from error
            raise Permanent(Code.OBJECT_MISSING, f"the stored object is missing: {path}") from error
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def has(self, path: str) -> bool:
        """Whether there is such an object."""
        return await self._exists(path)

    async def _exists(self, path: str) -> bool:
        try:
            await obstore.head_async(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return False
        except (BaseError, OSError) as error:
            raise _away(error) from error
        return True

    async def download(self, path: str, target: Path) -> Stored:
        """Copies an object to a local file, hashing it on the way."""
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            async for piece in self.read(path):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
        return Stored(path, digest.hexdigest(), size)

    async def listed(self) -> AsyncIterator[list[Found]]:
        """All there are, some at a time, in no order."""
        try:
            async for some in obstore.list(self._store):
                yield [Found(one["path"], one["last_modified"]) for one in some]
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def remove(self, path: str) -> None:
        """Deletes it on purpose, and leaves word: whoever replays what came of it hears Gone instead of a loss."""
        try:
            await obstore.put_async(self._store, path + GONE, b"")
        except (BaseError, OSError) as error:
            raise _away(error) from error
        await self.delete(path)

    async def delete(self, path: str) -> None:
        """Whether or not it is there."""
        try:
            await obstore.delete_async(self._store, path)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def delete_folder(self, path: str) -> None:
        """Every object below `path`, whether or not there is one."""
        try:
            async for listed in obstore.list(self._store, path):
                await obstore.delete_async(self._store, [each["path"] for each in listed])
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise _away(error) from error


class ObjectWriter:
    """An async context manager; `stored` is known once it was left. Left by an error, it leaves no object behind; where
    the disk fails at the very end it may, and nobody is told of it."""

    def __init__(self, store: ObjectStore, folder: DurableFolder | None, path: str) -> None:
        """`folder` is where a local store has its files."""
        self._store = store
        self._folder = folder
        self._path = path
        self._digest = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()
        self._writer: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def write(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._size += len(piece)
        self._pending += piece
        if len(self._pending) >= PIECE:
            await self._flush()

    async def _flush(self) -> None:
        try:
            if self._writer is None:
                self._writer = obstore.open_writer_async(
                    self._store, self._path, buffer_size=PIECE, max_concurrency=PIECES_UNDER_WAY
                )
            await self._writer.write(bytes(self._pending))
        except (BaseError, OSError) as error:
            raise _away(error) from error
        self._pending.clear()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self._close()
            await self._make_durable()
        self._writer = None  # a multipart upload that is never closed is never visible

    async def _close(self) -> None:
        """A small object is put in one request; a large one's parts become visible together."""
        try:
            if self._writer is None:
                await obstore.put_async(self._store, self._path, bytes(self._pending))
            else:
                await self._writer.write(bytes(self._pending))
                await self._writer.close()
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def _make_durable(self) -> None:
        """A disk that can't take what it was given is an outage."""
        if self._folder is None:
            return
        try:
            await self._folder.sync(self._path)
        except OSError as error:
            # The object isn't removed: another writer of the same path may have had an answer for it. Nobody hears of
            # an upload's path, so that the sweeper takes it.
            raise _away(error) from error

    @property
    def size_bytes(self) -> int:
        """So far."""
        return self._size

    @property
    def stored(self) -> Stored:
        return Stored(self._path, self._digest.hexdigest(), self._size)


def _away(error: Exception) -> Transient:
    return Transient(f"object store: {type(error).__name__}: {error}")
