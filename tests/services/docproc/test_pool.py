"""The parsing processes: what a hostile document may do to them, and what it may not do to others."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from services.docproc.parsing import Limits
from services.docproc.pool import ParserPool, PoolOptions
from shared.errors import Code, Permanent

SECONDS_TO_DIE = 5.0


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool(PoolOptions(workers=2)) as started:
        yield started


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.md"
    path.write_text("# Source\n\nThe river begins here.\n")
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A text that takes many seconds to read and cut."""
    path = tmp_path / "slow.md"
    path.write_text("# Rapids\n\nwater over stone, and no end of it\n\n" * 400_000)
    return path


def workers() -> list[psutil.Process]:
    """The parsing processes of this one: children of multiprocessing's fork server, not of what other tests started."""
    servers = [child for child in psutil.Process().children() if any("forkserver" in word for word in child.cmdline())]
    return [process for server in servers for process in server.children() if process.is_running()]


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_DIE
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.02)


async def test_documents_come_back_as_chunks_with_their_headings(pool: ParserPool, small: Path) -> None:
    """A document that is read comes back with its chunks, its length and no page count where it has no pages."""
    parsed = await pool.run(small, "text/markdown")
    assert [chunk.text for chunk in parsed.chunks] == ["# Source\n\nThe river begins here."]
    assert parsed.chunks[0].heading_path == ("Source",)
    assert (parsed.page_count, parsed.warnings) == (None, ())


async def test_the_whole_text_comes_with_the_chunks(pool: ParserPool, tmp_path: Path) -> None:
    """What the chunks' ranges point into, in UTF-8."""
    table = tmp_path / "a.csv"
    table.write_bytes("río,größe\r\nCauce,9\r\n".encode() + b"x,y\n" * 900)
    parsed = await pool.run(table, "text/csv")
    written = parsed.text.decode()
    assert written.startswith("| río | größe |\n| --- | --- |\n| Cauce | 9 |\n| x | y |\n")
    assert len(parsed.chunks) > 1
    assert all(chunk.text.endswith(written[chunk.char_start : chunk.char_end]) for chunk in parsed.chunks)


async def test_a_refusal_keeps_its_code_and_words(pool: ParserPool, tmp_path: Path) -> None:
    """What the parser refuses in the worker is raised here with the same code and message."""
    path = tmp_path / "blank.txt"
    path.write_text(" \n ")
    with pytest.raises(Permanent, match="holds no text") as caught:
        await pool.run(path, "text/plain")
    assert caught.value.code is Code.EMPTY


async def test_many_documents_at_once_wait_their_turn(pool: ParserPool, small: Path) -> None:
    """More documents than workers all come back."""
    results = await asyncio.gather(*(pool.run(small, "text/markdown") for _ in range(50)))
    assert all(len(parsed.chunks) == 1 for parsed in results)


async def test_a_document_past_its_deadline_is_given_up(small: Path, slow: Path) -> None:
    """The worker is killed at the deadline, the document is refused as `timed_out`, and the next one is read."""
    async with ParserPool(PoolOptions(workers=1, deadline_seconds=0.5)) as pool:
        began = time.monotonic()
        with pytest.raises(Permanent, match=r"longer than 0\.5 s") as caught:
            await pool.run(slow, "text/markdown")
        assert caught.value.code is Code.TIMED_OUT
        assert time.monotonic() - began < 3
        assert (await pool.run(small, "text/markdown")).chunks


async def test_a_document_that_needs_too_much_memory_is_refused(small: Path, tmp_path: Path) -> None:
    """A worker may not pass its cap on memory; the document is refused as `too_complex` and the next one is read."""
    path = tmp_path / "huge.txt"
    path.write_bytes(b"water over stone " * 12_000_000)
    options = PoolOptions(workers=1, memory_bytes=400 * 1024**2, limits=Limits(max_chars=1_000_000_000))
    async with ParserPool(options) as pool:
        with pytest.raises(Permanent) as caught:
            await pool.run(path, "text/plain")
        assert caught.value.code is Code.TOO_COMPLEX
        assert (await pool.run(small, "text/markdown")).chunks


async def test_a_worker_that_ran_out_of_memory_is_replaced(small: Path, tmp_path: Path) -> None:
    """What it holds on to must not make the next document too complex, so no worker of before is left."""
    path = tmp_path / "huge.txt"
    path.write_bytes(b"water over stone " * 12_000_000)
    options = PoolOptions(workers=1, memory_bytes=400 * 1024**2, limits=Limits(max_chars=1_000_000_000))
    async with ParserPool(options) as pool:
        (first,) = workers()
        with pytest.raises(Permanent, match="for want of memory"):
            await pool.run(path, "text/plain")
        assert first.pid not in {worker.pid for worker in workers()}


async def test_a_worker_that_has_grown_is_replaced(small: Path, tmp_path: Path) -> None:
    """What a large document has left it with isn't held for hours; after small ones it stays."""
    path = tmp_path / "large.txt"
    path.write_bytes(b"water over stone" + b"\n" * 60_000_000)  # much to hold, little to cut
    options = PoolOptions(workers=1, memory_bytes=400 * 1024**2, limits=Limits(max_chars=1_000_000_000))
    async with ParserPool(options) as pool:
        (first,) = workers()
        for _ in range(3):
            assert (await pool.run(small, "text/markdown")).chunks
        assert first.pid in {worker.pid for worker in workers()}
        assert (await pool.run(path, "text/plain")).chunks
        assert first.pid not in {worker.pid for worker in workers()}
        assert (await pool.run(small, "text/markdown")).chunks


async def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    """A container that unpacks past the limit is refused as `too_large`."""
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 20_000_000)
    async with ParserPool(PoolOptions(workers=1, limits=Limits(max_unpacked_bytes=1_000_000))) as pool:
        with pytest.raises(Permanent, match="unpacked bytes allowed: 1000000") as caught:
            await pool.run(path, "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
    assert caught.value.code is Code.TOO_LARGE


async def test_a_worker_that_is_killed_once_costs_the_document_nothing(small: Path, tmp_path: Path) -> None:
    """A document whose worker dies is tried again, since the worker may have been a victim."""
    path = tmp_path / "middling.md"
    path.write_text("# Rapids\n\nwater over stone, and no end of it\n\n" * 15_000)
    async with ParserPool(PoolOptions(workers=1)) as pool:
        running = asyncio.create_task(pool.run(path, "text/markdown"))
        await asyncio.sleep(0.2)
        (worker,) = workers()
        worker.kill()
        assert len((await running).chunks) > 100


async def test_a_document_that_kills_every_worker_is_refused(slow: Path) -> None:
    """A document on which the worker dies each time is refused as `too_complex`, and the message names the signal."""
    async with ParserPool(PoolOptions(workers=1)) as pool:
        running = asyncio.create_task(pool.run(slow, "text/markdown"))
        while not running.done():
            for worker in workers():
                if worker.cpu_times().user > 1.5:  # is past its start
                    worker.send_signal(signal.SIGSEGV)
            await asyncio.sleep(0.05)
        with pytest.raises(Permanent, match="signal 11") as caught:
            await running
    assert caught.value.code is Code.TOO_COMPLEX


async def test_workers_that_die_idle_are_replaced(pool: ParserPool, small: Path) -> None:
    """Workers that are killed between two documents are replaced without the next document noticing."""
    await pool.run(small, "text/markdown")
    for worker in workers():
        worker.kill()
    results = await asyncio.gather(*(pool.run(small, "text/markdown") for _ in range(4)))
    assert all(parsed.chunks for parsed in results)


async def test_workers_are_recycled(small: Path) -> None:
    """A worker is replaced after its number of documents."""
    async with ParserPool(PoolOptions(workers=1, tasks_per_worker=3)) as pool:
        (first,) = workers()
        for _ in range(5):
            await pool.run(small, "text/markdown")
        await until(lambda: first.pid not in {worker.pid for worker in workers()})


async def test_cancelling_the_caller_kills_the_worker(small: Path, slow: Path) -> None:
    """Nobody goes on reading a document that is no longer wanted, and the slot takes the next one."""
    async with ParserPool(PoolOptions(workers=1)) as pool:
        running = asyncio.create_task(pool.run(slow, "text/markdown"))
        await asyncio.sleep(0.3)
        (worker,) = workers()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await pool.run(small, "text/markdown")).chunks
        assert not worker.is_running()


async def test_what_waits_behind_a_document_that_fails_is_read(small: Path, slow: Path) -> None:
    """The next document is in the worker's pipe already; the worker's end at a deadline takes nothing from it."""
    async with ParserPool(PoolOptions(workers=1, deadline_seconds=0.5)) as pool:
        running = [asyncio.create_task(pool.run(path, "text/markdown")) for path in (slow, small, slow, small)]
        await asyncio.wait(running)
    for failed in running[::2]:
        with pytest.raises(Permanent) as caught:
            failed.result()
        assert caught.value.code is Code.TIMED_OUT
    assert [len(read.result().chunks) for read in running[1::2]] == [1, 1]


async def test_a_worker_that_dies_is_not_held_against_what_waits(small: Path, slow: Path) -> None:
    """Documents behind one that is killed again and again are read."""
    async with ParserPool(PoolOptions(workers=1, attempts=2)) as pool:
        first = asyncio.create_task(pool.run(slow, "text/markdown"))
        others = [asyncio.create_task(pool.run(small, "text/markdown")) for _ in range(3)]
        while not first.done():
            for worker in workers():
                if worker.cpu_times().user > 1.5:  # is past its start
                    worker.kill()
            await asyncio.sleep(0.05)
        assert all(len(parsed.chunks) == 1 for parsed in await asyncio.gather(*others))
        assert isinstance(first.exception(), Permanent)


async def test_cancelling_one_that_waits_harms_no_other(small: Path, slow: Path) -> None:
    """Those before and behind it are read, without waiting for what it would have taken."""
    async with ParserPool(PoolOptions(workers=1, deadline_seconds=30)) as pool:
        first = asyncio.create_task(pool.run(small, "text/markdown"))
        second = asyncio.create_task(pool.run(slow, "text/markdown"))
        third = asyncio.create_task(pool.run(small, "text/markdown"))
        await asyncio.sleep(0)
        second.cancel()
        async with asyncio.timeout(10):
            assert all(parsed.chunks for parsed in await asyncio.gather(first, third))


async def test_closing_does_not_wait_for_a_document(slow: Path) -> None:
    """Closing ends the workers at once, in the midst of a document too."""
    pool = ParserPool(PoolOptions(workers=2))
    await pool.start()
    running = asyncio.create_task(pool.run(slow, "text/markdown"))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    running.cancel()
    await pool.close()
    assert time.monotonic() - began < 2
    assert workers() == []


async def test_a_warm_worker_answers_in_milliseconds(pool: ParserPool, small: Path) -> None:
    """The way to a worker and back costs milliseconds, so that a small document is read at once."""
    spent = []
    for _ in range(50):
        began = time.perf_counter()
        await pool.run(small, "text/markdown")
        spent.append(time.perf_counter() - began)
    assert sorted(spent)[25] < 0.05


def test_workers_die_with_a_service_that_is_killed(slow: Path) -> None:
    """When the service is killed in the midst of a document, none of its processes is left."""
    program = f"""
        import asyncio, psutil
        from pathlib import Path
        from services.docproc.pool import ParserPool, PoolOptions

        async def main():
            async with ParserPool(PoolOptions(workers=2)) as pool:
                asyncio.ensure_future(pool.run(Path({str(slow)!r}), "text/markdown"))
                await asyncio.sleep(0.3)
                print(*(process.pid for process in psutil.Process().children(recursive=True)), flush=True)
                await asyncio.sleep(60)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    script = slow.parent / "service.py"
    script.write_text(textwrap.dedent(program))
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        family = [psutil.Process(int(pid)) for pid in service.stdout.readline().split()]
        service.kill()
        service.wait()
    assert len(family) >= 3
    _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_DIE)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
