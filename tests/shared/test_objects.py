"""The object store on files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from shared.errors import Code, Permanent
from shared.objects import PIECE, Gone, Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path}/objects")


@pytest.mark.parametrize("size", [0, 10, PIECE - 1, PIECE, 3 * PIECE + 17])
async def test_what_is_written_is_read(objects: Objects, tmp_path: Path, size: int) -> None:
    """Objects of every size come back byte for byte, with their hash and size known after writing."""
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    async with objects.writer("company/upload") as writer:
        for start in range(0, size, 1_000_000):
            await writer.write(content[start : start + 1_000_000])
    stored = await objects.download("company/upload", tmp_path / "copy")
    assert stored == writer.stored
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (tmp_path / "copy").read_bytes() == content


@pytest.mark.parametrize("size", [10, 2 * PIECE])
async def test_an_interrupted_write_leaves_nothing(objects: Objects, tmp_path: Path, size: int) -> None:
    """A writer left by an error leaves no object and no remains of one."""

    async def interrupted() -> None:
        async with objects.writer("company/upload") as writer:
            await writer.write(b"x" * size)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await interrupted()
    with pytest.raises(Permanent, match="the stored object is missing"):
        await objects.download("company/upload", tmp_path / "copy")
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


async def test_delete_is_idempotent(objects: Objects) -> None:
    """Deleting what is not there is no error."""
    async with objects.writer("a/b") as writer:
        await writer.write(b"x")
    await objects.delete("a/b")
    await objects.delete("a/b")
    await objects.probe()


async def test_what_was_removed_on_purpose_is_told_from_what_is_missing(objects: Objects) -> None:
    """Whoever replays the record of a deleted document hears that it was meant; a loss stays a loss."""
    async with objects.writer("company/upload") as writer:
        await writer.write(b"x")
    for _ in range(2):
        await objects.remove("company/upload")
    with pytest.raises(Gone):
        await anext(objects.read("company/upload"))
    with pytest.raises(Permanent) as caught:
        await anext(objects.read("company/never"))
    assert caught.value.code is Code.OBJECT_MISSING
