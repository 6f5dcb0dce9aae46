"""Starts Spark and its queries, waits for them, and says of each failure whether a restart can mend it."""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import structlog
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from shared.errors import Fatal, Transient
from streaming import metrics, queries
from streaming.progress import ProgressListener, Pulse
from streaming.queries import Query
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

log = structlog.get_logger()

CLOSE_DEADLINE_S = 5.0
_POLL_S = 1
_DATA_LOSS = (
    "records that were to be read next are gone: raise `CAUCE_STREAMING_EPOCH` to count again from what is left, "
    "or set `CAUCE_STREAMING_FAIL_ON_DATA_LOSS=false` to go on without them"
)
_ADVICE = {
    "KAFKA_DATA_LOSS": _DATA_LOSS,
    "Some data may have been lost": _DATA_LOSS,
    "NOT_COMPATIBLE": "the checkpoint holds another kind of state: raise `CAUCE_STREAMING_EPOCH`",
    "Failed to find data source: kafka": "Spark has no Kafka connector: name its jars in `CAUCE_SPARK_JARS`",
    "UnsupportedFileSystemException": "Spark doesn't know this file system: check `CAUCE_CHECKPOINT_URL`",
    "AccessControlException": "the checkpoint can't be written: check `CAUCE_CHECKPOINT_URL`",
    "Permission denied": "the checkpoint can't be written: check `CAUCE_CHECKPOINT_URL`",
    "Mkdirs failed": "the checkpoint can't be written: check `CAUCE_CHECKPOINT_URL`",
}
"""Parts of Spark's messages that no restart changes, and what a person can do about each."""
_HOPELESS = re.compile("|".join(map(re.escape, _ADVICE)))


class Driver:
    """One Spark session and its queries. pyspark blocks, so each query has a thread, and so has the start.

    `start`, then `run` for each query; `stop` may be called at any time, `close` comes last and waits for all threads.
    """

    _session: SparkSession

    def __init__(self, settings: Settings, pulses: Mapping[str, Pulse]) -> None:
        self._settings = settings
        self._pulses = pulses
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._threads = ThreadPoolExecutor(len(pulses) + 1, "spark")
        self._resources = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="cauce-spark-", ignore_cleanup_errors=True)
        self._jvm = make_jvm(settings, Path(self._resources.enter_context(folder)))

    async def start(self) -> None:
        """Returns when Spark is up. Raises Fatal when it can't be."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._open)

    def _open(self) -> None:
        self._session = self._resources.enter_context(spark_session(self._jvm))
        self._session.streams.addListener(ProgressListener(self._pulses))
        self._started.set()

    async def run(self, query: Query) -> None:
        """Returns once `stop` was called. Raises Transient when the query failed: call again. Raises Fatal when no
        restart would help."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)

    def _run(self, query: Query) -> None:
        self._pulses[query.name].beat(ready=False)
        try:
            self._wait(queries.start(self._session, query, self._settings))
        except (PySparkException, Py4JError, OSError) as error:
            if self._stopping.is_set():
                return
            metrics.FAILURES.labels(query.name).inc()
            raise translate(query.name, error) from error

    def _wait(self, running: StreamingQuery) -> None:
        while not running.awaitTermination(_POLL_S):
            if self._stopping.is_set():
                running.stop()

    def stop(self) -> None:
        """Asks the queries to end; returns at once."""
        self._stopping.set()

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


def translate(query: str, error: Exception) -> Transient | Fatal:
    """Spark's and py4j's errors as ours: what no restart can mend is fatal, all else is an outage."""
    if isinstance(error, Py4JNetworkError | OSError):
        return Fatal(f"{query}: the connection to Java broke, did the process end? {error}")
    hopeless = _HOPELESS.search(str(error))
    if hopeless:
        return Fatal(f"{query}: {_ADVICE[hopeless.group()]}: {reason(error)}")
    if isinstance(error, AnalysisException):
        return Fatal(f"{query}: Spark refuses the query: {reason(error)}")
    return Transient(f"{query}: {reason(error)}")


def reason(error: Exception) -> str:
    """The line that says what happened, without py4j's or Spark's preamble, and without Java's stack."""
    lines = str(error).strip().splitlines() or [repr(error)]
    line = lines[min(1, len(lines) - 1)] if isinstance(error, Py4JJavaError) else lines[0]
    return line.removeprefix(": ").rpartition("terminated with exception: ")[2]
