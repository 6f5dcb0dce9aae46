"""Parsing processes that can be killed: a deadline for each document, a cap on memory, no harm to its neighbours.

Each slot is a pebble pool of one worker. Workers of one pebble pool share a pipe and its lock, so that one which dies
at the wrong moment can stall the others, and one which dies idle breaks the pool; with one worker each, a broken slot
is thrown away and made anew.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.context
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from pebble import ProcessExpired, ProcessPool

from services.docproc import parsing, worker
from services.docproc.chunking import ChunkOptions
from services.docproc.parsing import Limits
from services.docproc.worker import OutOfMemory, Parsed, Refused, WorkerOptions
from shared.errors import Code, Permanent, Transient

__all__ = ["Parsed", "ParserPool", "PoolOptions"]

_STARTS = 3
_GRACE_SECONDS = 5.0
"""How much longer than its deadline a document may go without a word before its slot counts as broken."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """`deadline_seconds` is for one document, parsing and chunking; `memory_bytes` caps one worker's address space.

    A worker is replaced after `tasks_per_worker` documents, so that what a library leaks doesn't add up.
    """

    workers: int = 2
    deadline_seconds: float = 120.0
    memory_bytes: int = 2 * 1024**3
    tasks_per_worker: int = 500
    attempts: int = 2
    chunking: ChunkOptions = field(default_factory=ChunkOptions)
    limits: Limits = field(default_factory=Limits)


class Task(NamedTuple):
    """A document to be read, and where its text goes."""

    path: Path
    media_type: str
    text_to: Path | None


class ParserPool:
    """An async context manager. `run` may be called by any number of tasks of one loop at once; each waits its turn."""

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._slots: list[_Slot] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts the workers and waits until each has its libraries loaded.

        Raises BrokenProcessPool if one can't start.
        """
        self._slots = [_Slot(self._options) for _ in range(self._options.workers)]
        await asyncio.gather(*(slot.start() for slot in self._slots))
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def run(self, path: Path, media_type: str, text_to: Path | None = None) -> Parsed:
        """Parses and chunks the file in a worker of its own, which writes the extracted text to `text_to`, in UTF-8.

        Raises Permanent: what parsing refuses, `timed_out` after the deadline, `too_complex` where the worker ran out
        of memory or died on it repeatedly; Transient where no worker can be kept alive. When the caller is cancelled,
        the worker is killed.
        """
        slot = await self._free.get()
        try:
            return await self._attempts(slot, Task(path, media_type, text_to))
        finally:
            self._free.put_nowait(slot)

    async def close(self) -> None:
        """Ends the workers, in the midst of a document too."""
        await asyncio.gather(*(slot.stop() for slot in self._slots))
        self._slots.clear()

    async def _attempts(self, slot: _Slot, task: Task) -> Parsed:
        """A worker that dies may be a victim (of the kernel's OOM killer, say), so a document gets another try."""
        death: _WorkerDied | None = None
        for _ in range(self._options.attempts):
            try:
                result = await slot.run(task)
            except _WorkerDied as error:
                death = error
            else:
                if isinstance(result, Refused):
                    raise Permanent(result.code, result.message)
                return result
        raise Permanent(Code.TOO_COMPLEX, worker.too_complex(f"its process ended {death}")) from death


class _WorkerDied(Exception):
    """The process ended without an answer; the message names the signal or exit code."""


class _Slot:
    """One worker process, replaced whenever it ends. What may block runs in a thread."""

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._worker_options = WorkerOptions(options.chunking, options.limits, options.memory_bytes)
        self._pool = self._new_pool()

    async def start(self) -> None:
        await asyncio.to_thread(_start, self._pool)
        await asyncio.wrap_future(self._pool.schedule(worker.process_id))

    async def run(self, task: Task) -> Parsed | Refused:
        """Raises _WorkerDied, Permanent(timed_out), or Transient where workers end before they take up the document."""
        for _ in range(_STARTS):
            if not self._pool.active:
                await self._renew()
            try:
                return await self._parse(task)
            except BrokenProcessPool:
                await self._renew()
        raise Transient("Parsing processes end as soon as they start: see whether memory or processes have run out")

    async def _parse(self, task: Task) -> Parsed | Refused:
        deadline = self._options.deadline_seconds
        arguments = (task.path, task.media_type, self._worker_options, task.text_to)
        future = self._pool.schedule(worker.parse_document, args=arguments, timeout=deadline)
        try:
            async with asyncio.timeout(deadline + _GRACE_SECONDS) as silence:
                result: Parsed | Refused | OutOfMemory = await asyncio.wrap_future(future)
        except TimeoutError as error:
            if silence.expired():
                await self._renew()
            raise Permanent(Code.TIMED_OUT, f"Reading this document took longer than {deadline:g} s") from error
        except ProcessExpired as error:
            await self._renew()
            raise _WorkerDied(_manner(error.exitcode)) from error
        if isinstance(result, OutOfMemory):
            await self._renew()
            raise _WorkerDied("for want of memory")
        return result

    async def stop(self) -> None:
        await asyncio.to_thread(_stop, self._pool)

    async def _renew(self) -> None:
        await self.stop()
        self._pool = self._new_pool()
        await asyncio.to_thread(_start, self._pool)

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=1,
            max_tasks=self._options.tasks_per_worker,
            initializer=worker.start,
            initargs=(self._worker_options,),
            context=_context(),
        )


def _context() -> multiprocessing.context.ForkServerContext:
    """Workers are forked from a server process that has the libraries loaded, so that a new one takes milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([worker.__name__, *parsing.module_names()])
    return context


def _start(pool: ProcessPool) -> None:
    """pebble starts its threads and its worker when first asked how it is."""
    if not pool.active:
        raise BrokenProcessPool("A parsing process can't be started")


def _stop(pool: ProcessPool) -> None:
    pool.stop()
    try:
        pool.join()
    except OSError:  # a pipe that was closed already, before the worker was told to stop: join goes on from there
        pool.join()


def _manner(exit_code: int) -> str:
    return f"by signal {-exit_code}" if exit_code < 0 else f"with exit code {exit_code}"
