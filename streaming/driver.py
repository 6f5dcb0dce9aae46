"""Starts Spark and its queries, waits for them, and says of each failure whether a restart can mend it."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from shared.errors import Fatal, Lasting, Transient
from shared.streams.declaration import Mode
from streaming import archive, metrics
from streaming.archive import ArchivedTopic
from streaming.backlog import committed
from streaming.progress import ProgressListener, Pulse, Watch
from streaming.queries import Query, checkpoint_path, start, start_catching_up
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

log = structlog.get_logger()

R = TypeVar("R")
Begin = Callable[[], StreamingQuery]

CLOSE_DEADLINE_S = 5.0
_POLL_S = 1
_DATA_LOSS = (
    "records that were to be read next are gone: `cauce topics adopt` shows what that means and goes on, "
    "`cauce streams reset STREAM` counts again from what is left, "
    "CAUCE_STREAMING_FAIL_ON_DATA_LOSS=false goes on without them"
)
_STATE = "the checkpoint holds another kind of state: `cauce streams reset STREAM` begins a new one"
_CHECK = "check `CAUCE_CHECKPOINT_URL` and `CAUCE_ARCHIVE_URL`"
_ADVICE = {
    "KAFKA_DATA_LOSS": _DATA_LOSS,
    "Some data may have been lost": _DATA_LOSS,
    "NOT_COMPATIBLE": _STATE,
    "CHECKPOINT_FORMAT_V1_NOT_SUPPORTED": _STATE,
    "Failed to find data source: kafka": "Spark has no Kafka connector: name its jars in `CAUCE_SPARK_JARS`",
    "UnsupportedFileSystemException": f"Spark doesn't know this file system: {_CHECK}",
    "AccessControlException": f"its files can't be written: {_CHECK}",
    "Permission denied": f"its files can't be written: {_CHECK}",
    "Mkdirs failed": f"its files can't be written: {_CHECK}",
}
"""Parts of Spark's messages that a restart alone doesn't change, and what a person can do about each."""
_HOPELESS = re.compile("|".join(map(re.escape, _ADVICE)))


class Driver:
    """One Spark session and its queries. pyspark blocks, so each query has a thread, and so has the start.

    `start`, then `run` and `catch_up` for each query; `close` comes last and waits for all threads.
    """

    _session: SparkSession

    def __init__(self, settings: Settings, pulses: Mapping[str, Pulse], slots: int) -> None:
        self._settings = settings
        self._pulses = pulses
        self._closing = threading.Event()
        self._started = threading.Event()
        self._halts: set[threading.Event] = set()
        self._threads = ThreadPoolExecutor(len(pulses) + 1, "spark")
        self._resources = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="cauce-spark-", ignore_cleanup_errors=True)
        self._jvm = make_jvm(settings, Path(self._resources.enter_context(folder)), slots)

    async def start(self) -> None:
        """Returns when Spark is up. Raises Fatal when it can't be."""
        await self._in_thread(self._open)

    def _open(self) -> None:
        self._session = self._resources.enter_context(spark_session(self._jvm))
        self._session.streams.addListener(ProgressListener(self._pulses))
        self._started.set()

    async def committed(self, query: Query) -> dict[int, int] | None:
        """Where its checkpoint is, by partition; None where there is none yet. Raises Transient."""
        return await self._in_thread(self._committed, query)

    def _committed(self, query: Query) -> dict[int, int] | None:
        with translated(query.name):
            return committed(self._session, checkpoint_path(query, self._settings))

    async def catch_up(self, query: Query, halt: threading.Event) -> None:
        """One micro-batch with all that is there now. Returns after it, or once `halt` is set. Raises Transient."""
        await self._in_thread(
            self._run, query.name, lambda: start_catching_up(self._session, query, self._settings), 0, halt
        )

    async def run(self, query: Query, halt: threading.Event) -> None:
        """Returns once `halt` is set. Raises Transient when the query failed, Fatal when Spark is gone."""
        realtime = query.plan.mode is Mode.REALTIME
        slots = query.plan.slots(self._settings.streaming_shuffle_partitions) if realtime else 0
        await self._in_thread(self._run, query.name, lambda: start(self._session, query, self._settings), slots, halt)

    async def run_archive(self, archived: ArchivedTopic, halt: threading.Event) -> None:
        """As `run`, for files. One that has only waited for its turn is no less ready while it starts."""
        begin = partial(archive.start, self._session, archived, self._settings)
        ready = self._pulses[archived.query_name].ready
        await self._in_thread(self._run, archived.query_name, begin, 0, halt, ready)

    async def _in_thread(self, function: Callable[..., R], *arguments: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _run(self, name: str, begin: Begin, slots: int, halt: threading.Event, ready: bool = False) -> None:
        """`slots` is how many tasks run at once for as long as the query does; 0 where it takes turns."""
        pulse = self._pulses[name]
        pulse.beat(ready=ready)
        with translated(name, unless=self._closing), self._halted_by(halt):
            running = begin()
            watch = Watch(self._session, running, slots)
            while running.isActive:
                watch.look(pulse)
                if halt.wait(_POLL_S):
                    running.stop()
            running.awaitTermination()

    @contextmanager
    def _halted_by(self, halt: threading.Event) -> Iterator[None]:
        """Within the block `stop` sets `halt` too, so that nobody has to look at two events in turn."""
        self._halts.add(halt)
        if self._closing.is_set():
            halt.set()
        try:
            yield
        finally:
            self._halts.discard(halt)

    def stop(self) -> None:
        """Asks all queries to end; returns at once."""
        self._closing.set()
        for halt in tuple(self._halts):
            halt.set()

    async def close(self) -> None:
        """Ends Spark and its JVM, after the queries. A start under way is given up, a slow end is cut short: what a
        query had not committed yet it does again from its checkpoint."""
        self.stop()
        patience = threading.Timer(CLOSE_DEADLINE_S if self._started.is_set() else 0, self._jvm.kill)
        patience.start()
        try:
            await asyncio.to_thread(self._threads.shutdown)
            await asyncio.to_thread(self._resources.close)
        finally:
            patience.cancel()


@contextmanager
def translated(query: str, unless: threading.Event | None = None) -> Iterator[None]:
    """Spark's and py4j's errors as ours; none while everything ends."""
    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        if unless is not None and unless.is_set():
            return
        metrics.record_failure(query, _name(error))
        raise translate(query, error) from error


def _name(error: Exception) -> str:
    """Spark's error condition where there is one, such as `TABLE_OR_VIEW_NOT_FOUND`."""
    condition = error.getCondition() if isinstance(error, PySparkException) else None
    return condition or type(error).__name__


def translate(query: str, error: Exception) -> Transient | Fatal:
    """All that concerns one query is an outage of that query: the others go on, and a person is told what to do."""
    if isinstance(error, Py4JNetworkError | ConnectionError):
        return Fatal(f"{query}: the connection to Java broke, did the process end? {error}")
    hopeless = _HOPELESS.search(str(error))
    if hopeless:
        return Lasting(f"{query}: {_ADVICE[hopeless.group()]}: {reason(error)}")
    if isinstance(error, AnalysisException):
        return Lasting(f"{query}: Spark refuses the query: {reason(error)}")
    return Transient(f"{query}: {reason(error)}")


def reason(error: Exception) -> str:
    """The line that says what happened, without py4j's or Spark's preamble, and without Java's stack."""
    lines = str(error).strip().splitlines() or [repr(error)]
    line = lines[min(1, len(lines) - 1)] if isinstance(error, Py4JJavaError) else lines[0]
    return line.removeprefix(": ").rpartition("terminated with exception: ")[2]
