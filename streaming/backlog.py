"""How far a query is behind, before it is started: what its checkpoint has against what the topic holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from shared.kafka.records import Partition


def committed(session: SparkSession, checkpoint: str) -> dict[int, int] | None:
    """By partition, the offset after the last record of the newest committed batch; None before the first.

    Read through Hadoop, since a checkpoint may lie wherever Spark can write. Raises OSError where it can't be read.
    """
    files: Any = _CheckpointFiles(session)
    try:
        newest = max((int(name) for name in files.names(f"{checkpoint}/commits") if name.isdigit()), default=None)
        if newest is None:
            return None
        lines = files.text(f"{checkpoint}/offsets/{newest}").strip().splitlines()
    except Py4JJavaError as error:
        raise OSError(f"{checkpoint}: {error.java_exception}") from error
    return {int(partition): offset for ends in json.loads(lines[-1]).values() for partition, offset in ends.items()}


def behind(done: Mapping[int, int] | None, kept: Mapping[Partition, range]) -> int:
    """How many records of the topic are to be read."""
    done = done or {}
    return sum(max(0, held.stop - max(held.start, done.get(partition.number, 0))) for partition, held in kept.items())


class _CheckpointFiles:
    """Spark's own Hadoop, which knows every file system that the checkpoint may be on."""

    def __init__(self, session: SparkSession) -> None:
        context = session.sparkContext
        self._jvm: Any = context._jvm  # noqa: SLF001 py4j's door to Java has no public name
        self._configuration = context._jsc.hadoopConfiguration()  # noqa: SLF001 # type: ignore[union-attr]

    def names(self, folder: str) -> list[str]:
        path, system = self._place(folder)
        return [status.getPath().getName() for status in system.listStatus(path)] if system.exists(path) else []

    def text(self, file: str) -> str:
        path, system = self._place(file)
        stream = system.open(path)
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()

    def _place(self, name: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(name)
        return path, path.getFileSystem(self._configuration)
