"""The cache of vectors on a real disk, which may do what it likes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import time_machine

from services.embedding import cache as module
from services.embedding.cache import FILE, VectorCache

MIB = 1024**2


@asynccontextmanager
async def opened(folder: Path, most_bytes: int = 64 * MIB) -> AsyncIterator[VectorCache]:
    cache = VectorCache(folder, most_bytes)
    try:
        yield cache
    finally:
        await cache.close()


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


async def test_what_was_put_is_found(tmp_path: Path) -> None:
    """By whoever opens the folder next too, and only under its own key; a second one takes the first one's place."""
    async with opened(tmp_path / "new" / "folder") as cache:
        assert await cache.find([key(1)]) == {}
        await cache.put({key(1): b"one", key(2): b"two"})
        await cache.put({key(2): b"other"})
    async with opened(tmp_path / "new" / "folder") as cache:
        assert await cache.find([key(1), key(2), key(3)]) == {key(1): b"one", key(2): b"other"}


async def test_many_are_found_at_once(tmp_path: Path) -> None:
    """More than a statement may name."""
    async with opened(tmp_path) as cache:
        await cache.put({key(number): str(number).encode() for number in range(3_000)})
        assert len(await cache.find([key(number) for number in range(5_000)])) == 3_000


@pytest.mark.parametrize("folder", [str(number) for number in range(20)])
async def test_processes_share_a_folder(tmp_path: Path, folder: str) -> None:
    """Both write and read at the same time, the first time too, and each sees what the other has put."""
    async with opened(tmp_path / folder) as one, opened(tmp_path / folder) as other:
        await asyncio.gather(
            *(cache.put({key(number): b"x"}) for number, cache in enumerate([one, other] * 50)),
        )
        wanted = [key(number) for number in range(100)]
        assert len(await one.find(wanted)) == len(await other.find(wanted)) == 100


async def test_a_damaged_row_is_a_miss(tmp_path: Path) -> None:
    """A vector of which one bit is another, or that stands under another's key, is never given out."""
    async with opened(tmp_path) as cache:
        await cache.put({key(1): b"\0" * 8, key(2): b"\1" * 8, key(3): b"\2" * 8})
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        (value,) = file.execute("SELECT vector FROM vectors WHERE key = ?", [key(1)]).fetchone()
        file.execute("UPDATE vectors SET vector = ? WHERE key = ?", [value[:-1] + b"\1", key(1)])
        file.execute("UPDATE vectors SET vector = ? WHERE key = ?", [value, key(2)])
    async with opened(tmp_path) as cache:
        assert await cache.find([key(1), key(2), key(3)]) == {key(3): b"\2" * 8}


@pytest.mark.parametrize("ruin", ["no database", "a page", "no file"])
async def test_a_damaged_file_costs_only_what_was_in_it(
    tmp_path: Path, ruin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins anew, while no call fails."""
    monkeypatch.setattr(module, "REST_SECONDS", 0.0)
    file = tmp_path / FILE
    async with opened(tmp_path) as cache:
        await cache.put({key(number): os.urandom(1_000) for number in range(100)})
    if ruin == "no database":
        file.write_bytes(b"this is no database" * 1_000)
    elif ruin == "a page":
        raw = bytearray(file.read_bytes())
        raw[4096:-4096] = os.urandom(len(raw) - 8192)
        file.write_bytes(raw)
    else:
        file.unlink()
    async with opened(tmp_path) as cache:
        await cache.find([key(number) for number in range(100)])
        await cache.put({key(1): b"one"})
        await cache.put({key(1): b"one"})
        assert await cache.find([key(1)]) == {key(1): b"one"}


async def test_a_disk_that_refuses_is_left_alone(tmp_path: Path) -> None:
    """A full one can be read still; what isn't a folder gives nothing. Neither fails a call, and after a minute it is
    tried again."""
    (tmp_path / "file").write_text("")
    async with opened(tmp_path / "file") as cache:
        await cache.put({key(1): b"one"})
        assert await cache.find([key(1)]) == {}
    async with opened(tmp_path / "full") as cache:
        await cache.put({key(1): b"one"})
        await cache._safely("put", lambda connection: connection.execute("PRAGMA max_page_count = 1"), None)
        await cache.put({key(2): b"\0" * 100_000})
        await cache.put({key(3): b"three"})
        assert await cache.find([key(1), key(2), key(3)]) == {key(1): b"one"}
        cache._rests_until.clear()
        await cache.put({key(3): b"three"})
        assert await cache.find([key(3)]) == {key(3): b"three"}


async def test_the_least_recently_used_go(tmp_path: Path) -> None:
    """The file stays near its bound, and what was read lately is kept for longer than what was only written."""
    with time_machine.travel("2026-01-01T12:00:00Z", tick=True) as clock:
        async with opened(tmp_path, 2 * MIB) as cache:
            await cache.put({key(number): os.urandom(4_000) for number in range(200)})
            clock.shift(86_400)
            used = [key(number) for number in range(100)]
            assert len(await cache.find(used)) == 100
            clock.shift(86_400)
            for number in range(1_000, 1_380):
                await cache.put({key(number): os.urandom(4_000)})
            assert len(await cache.find(used)) == 100
            assert len(await cache.find([key(number) for number in range(100, 200)])) < 50
    assert (tmp_path / FILE).stat().st_size < 2.2 * MIB
