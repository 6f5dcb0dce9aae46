"""Parsing processes that can be killed: a deadline for each document, a cap on memory, no harm to its neighbours.

Each slot is a pebble pool of one worker. Workers of one pebble pool share a pipe and its lock, so that one which dies
at the wrong moment can stall the others, and one which dies idle breaks the pool; with one worker each, a broken slot
is thrown away and made anew. A slot has its next documents in the pipe already, so that its worker goes on at once.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.context
from concurrent.futures import Future
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

__all__ = ["AT_ONCE", "Parsed", "ParserPool", "PoolOptions"]

AT_ONCE = 3
"""Documents that a slot has: one in work, the others in the pipe."""
_SWOLLEN = 0.25
"""Of the memory that a worker may have: one that has grown by so much is replaced, since it gives little back."""
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
    tasks_per_worker: int = 2000
    attempts: int = 2
    chunking: ChunkOptions = field(default_factory=ChunkOptions)
    limits: Limits = field(default_factory=Limits)


class Task(NamedTuple):
    """A document to be read."""

    path: Path
    media_type: str


class ParserPool:
    """An async context manager. `run` may be called by any number of tasks of one loop at once; each waits its turn."""

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._places = asyncio.Semaphore(AT_ONCE * options.workers)
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

    async def run(self, path: Path, media_type: str) -> Parsed:
        """Parses and chunks the file in a worker of its own.

        Raises Permanent: what parsing refuses, `timed_out` after the deadline, `too_complex` where the worker ran out
        of memory or died on it repeatedly; Transient where no worker can be kept alive. When the caller is cancelled,
        the worker is killed.
        """
        async with self._places:
            slot = min(self._slots, key=lambda each: each.documents)
            return await self._attempts(slot, Task(path, media_type))

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
    """One worker process, replaced whenever it is ended. What may block runs in a thread.

    Several callers may come at once; theirs is one turn after the other. The worker may be further than the turns are:
    where it is replaced in one turn, what it has or had in the next one is done again.
    """

    def __init__(self, options: PoolOptions) -> None:
        self._options = options
        self._worker_options = WorkerOptions(options.chunking, options.limits, options.memory_bytes)
        self._pool = self._new_pool()
        self._turn = asyncio.Lock()
        self._spoilt = False
        self.documents = 0

    async def start(self) -> None:
        await asyncio.to_thread(_start, self._pool)
        await asyncio.wrap_future(self._pool.schedule(worker.process_id))

    async def run(self, task: Task) -> Parsed | Refused:
        """Raises _WorkerDied, Permanent(timed_out), or Transient where workers end before they take up the document."""
        self.documents += 1
        pool, future = self._pool, None
        try:
            future = self._ahead(task)
            async with self._turn:
                return await self._run(task, future if pool is self._pool else None)
        except asyncio.CancelledError:
            self._spoilt = True
            raise
        finally:
            self.documents -= 1
            if future:
                future.cancel()

    def _ahead(self, task: Task) -> Future[worker.Answer] | None:
        """Puts the document into the pipe, for when the worker is done with what it has."""
        return self._schedule(task) if self._pool.active and not self._spoilt else None

    def _schedule(self, task: Task) -> Future[worker.Answer]:
        arguments = (*task, self._worker_options)
        found: Future[worker.Answer] = self._pool.schedule(
            worker.answer, args=arguments, timeout=self._options.deadline_seconds
        )
        return found

    async def _run(self, task: Task, future: Future[worker.Answer] | None) -> Parsed | Refused:
        for _ in range(_STARTS):
            if self._spoilt or not self._pool.active:
                await self._renew()
                future = None
            try:
                return await self._answer(future or self._schedule(task))
            except BrokenProcessPool:
                await self._renew()
                future = None
        raise Transient("Parsing processes end as soon as they start: see whether memory or processes have run out")

    async def _answer(self, future: Future[worker.Answer]) -> Parsed | Refused:
        deadline = self._options.deadline_seconds
        try:
            async with asyncio.timeout(deadline + _GRACE_SECONDS):
                answer = await asyncio.wrap_future(future)
        except TimeoutError as error:
            await self._renew()
            raise Permanent(Code.TIMED_OUT, f"Reading this document took longer than {deadline:g} s") from error
        except ProcessExpired as error:
            await self._renew()
            raise _WorkerDied(_manner(error.exitcode)) from error
        if answer.grown_bytes > _SWOLLEN * self._options.memory_bytes or isinstance(answer.result, OutOfMemory):
            await self._renew()
        if isinstance(answer.result, OutOfMemory):
            raise _WorkerDied("for want of memory")
        return answer.result

    async def stop(self) -> None:
        await asyncio.to_thread(_stop, self._pool)

    async def _renew(self) -> None:
        self._spoilt = True  # until it is there, nothing is put into its pipe
        await self.stop()
        self._pool = self._new_pool()
        await asyncio.to_thread(_start, self._pool)
        self._spoilt = False

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
