from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

from tests.services.api_gateway.test_uploads import FORM, pieces
from tests.services.api_gateway.world import world as make

MIB = 1024 * 1024
SIZE = 64 * MIB
BOUND = 48 * MIB


async def test_an_upload_is_never_held_in_memory(tmp_path: Path) -> None:
    """However large the file, only a few pieces of it are in memory at a time, as form and as bare body."""
    world = make(tmp_path, upload_bytes=SIZE)
    await world.upload_log.look()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(SIZE // (256 * 1024)):
            yield b"x" * (256 * 1024)

    tracemalloc.start()
    try:
        async with world.client() as client:
            form = await client.post("/upload", content=pieces(SIZE), headers=FORM)
            raw = await client.put("/documents/by-name/a", content=body())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (form.status_code, raw.status_code) == (202, 202)
    assert [path.stat().st_size for path in world.stored_files] == [SIZE, SIZE]
    assert most < BOUND
