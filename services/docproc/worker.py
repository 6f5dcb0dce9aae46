"""What runs inside a parsing process: it may hang, eat memory or die, and only the document at hand pays for it."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from services.docproc import parsing
from services.docproc.chunking import Chunk, ChunkOptions, chunk
from services.docproc.fence import Fence
from services.docproc.parsing import Limits, tesseract
from services.docproc.parsing.refusals import too_large
from shared.errors import Code, Permanent

_DETAIL = 200
"""Characters of what a library or a parser says."""
_WARNINGS = 20
_KIB = 1024
_at_start = 0
_FENCE = Fence()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document ready to publish. `text` is all that was extracted, in UTF-8, a lone surrogate as a `?`; `page_count`
    is None where the format has no pages.

    `cpu_seconds` went into parsing and chunking, here and in the programs that did a part of it.
    """

    chunks: tuple[Chunk, ...]
    text: bytes
    page_count: int | None
    warnings: tuple[str, ...]
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A Permanent error as a value, since an exception with two arguments doesn't survive pickle."""

    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """This process has reached its cap, and may not be able to give back what it holds: it is to be replaced."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`grown_bytes` is how much more memory than at its start this process has had at most, and may still hold."""

    result: Parsed | Refused | OutOfMemory
    grown_bytes: int


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`memory_bytes` caps the worker's address space."""

    chunking: ChunkOptions
    limits: Limits
    memory_bytes: int


def start(options: WorkerOptions) -> None:
    """Fences the process in, then does what the first document would otherwise wait for."""
    global _at_start  # noqa: PLW0603 of this process, as the fence is
    _die_with_parent()
    _silence()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # dies at once, also in the midst of a library's native code
    _FENCE.put_up(
        memory_bytes=options.memory_bytes, file_bytes=options.limits.max_unpacked_bytes, programs=tesseract.programs()
    )
    for name in parsing.module_names():
        import_module(name)
    chunk(parsing.Extracted((parsing.Page(None, "# a\n\nb"),)), options.chunking)
    _at_start = _peak_bytes()


def process_id() -> int:
    """Answers as soon as `start` is through."""
    return os.getpid()


def answer(path: Path, media_type: str, options: WorkerOptions) -> Answer:
    """Parses and chunks one document, which has the folder that it is in to itself."""
    result = parse_document(path, media_type, options)
    return Answer(result, _peak_bytes() - _at_start)


def parse_document(path: Path, media_type: str, options: WorkerOptions) -> Parsed | Refused | OutOfMemory:
    _FENCE.enter(path.parent)
    began = _cpu_seconds()
    try:
        extracted = parsing.parse(path, media_type, options.limits)
        chunks = _cut(extracted, options)
        text = extracted.text.encode(errors="replace")
    except Permanent as error:
        return Refused(error.code, str(error))
    except RecursionError:
        return Refused(Code.TOO_COMPLEX, too_complex("it nests too deep"))
    except MemoryError:
        return OutOfMemory()
    except BaseException as error:
        if isinstance(error, Exception | SystemExit):
            raise
        return Refused(Code.TOO_COMPLEX, too_complex(str(error)[:_DETAIL]))  # a panic in a library written in Rust
    warnings = tuple(each[:_DETAIL] for each in extracted.warnings[:_WARNINGS])
    return Parsed(tuple(chunks), text, extracted.page_count, warnings, round(_cpu_seconds() - began, 6))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _cut(extracted: parsing.Extracted, options: WorkerOptions) -> list[Chunk]:
    chunks = chunk(extracted, options.chunking)
    if len(chunks) > options.limits.max_chunks:
        raise too_large("chunks", options.limits.max_chunks)
    return chunks


def too_complex(detail: str) -> str:
    return f"Reading this document took more memory than allowed, or broke the program that read it: {detail}"


def _die_with_parent() -> None:
    """Has the kernel end this process when the service's is gone, even if native code never returns to Python.

    The sentinel is a pipe whose other end only the service holds; O_ASYNC sends SIGIO when that end closes.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel
    fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sentinel, fcntl.F_SETFL, fcntl.fcntl(sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    if not parent.is_alive():
        os._exit(1)


def _silence() -> None:
    """A parser's native warnings would flood the service's log, so both outputs lead nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
