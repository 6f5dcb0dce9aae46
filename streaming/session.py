"""Every option of Spark itself; what concerns one query's topics is in queries.py."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from shared.errors import Fatal
from streaming.jvm import STOP_DEADLINE_S, Jvm
from streaming.pools import write_pools
from streaming.settings import Settings

_LOG4J = Path(__file__).with_name("log4j2.properties")

_FIXED = {
    "spark.app.name": "cauce-streaming",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    # Not for streams: Spark would say so at each start.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    # Real-Time Mode and micro-batches can take turns on one checkpoint only in the second format.
    "spark.sql.streaming.stateStore.checkpointFormatVersion": "2",
    # A crash within the first batch leaves state behind. In that format each attempt's files have names of their own,
    # and none that wasn't committed is read; Spark would refuse to begin again.
    "spark.sql.streaming.verifyCheckpointDirectoryEmptyOnStart": "false",
    # Only what changed is uploaded at each batch's end, not the files that RocksDB happened to write.
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    # A batch without input would only clear expired state: the next one with input does so as well.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # The heartbeat of an idle query, in ms.
    "spark.sql.streaming.noDataProgressEventInterval": "1000",
    "spark.sql.streaming.stopTimeout": "4s",
    # How long a row may wait between two tasks of a query in Real-Time Mode, in ms: at 50, all the latency there is.
    "spark.shuffle.streaming.networkBufferMaxWaitTimeMs": "2",
    "spark.sql.streaming.minBatchesToRetain": "10",
    "spark.scheduler.mode": "FAIR",
    # Beyond this number of groups in one task the aggregation would sort, and spill: a first start sees many minutes.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "10000",
}
# Elsewhere Spark would take the machine's name, which need not resolve to an address it can listen on.
_LOCAL_MASTER = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
# Spark's usual one asks `readlink` of every file it writes, in a process of its own: forty of them a batch.
_LOCAL_CHECKPOINT = {
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    )
}


def make_jvm(settings: Settings, folder: Path, slots: int = 2, stop_deadline_s: float = STOP_DEADLINE_S) -> Jvm:
    """The JVM for a session with at least so many task slots, not started yet.

    Raises Fatal where Java or a jar is missing, or the slots that are set are too few: a query would never begin.
    """
    options = spark_options(settings, slots) | {"spark.scheduler.allocation.file": write_pools(folder).as_uri()}
    return Jvm(java_options(settings), options, folder, _local_jars(settings), stop_deadline_s)


@contextmanager
def spark_session(jvm: Jvm) -> Iterator[SparkSession]:
    """Starts `jvm` and a session on it; both end with the block. Raises Fatal where Java won't run."""
    # It tells of every connection at the level of information.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    try:
        jvm.start()
        session = SparkSession.builder.getOrCreate()
        try:
            yield session
        finally:
            # A JVM that is gone can't be stopped any more; whoever waited for a query has learned of it already.
            with suppress(Py4JError, OSError):
                session.stop()
    finally:
        jvm.end()


def _local_jars(settings: Settings) -> tuple[Path, ...]:
    """Jars for the class path of the one JVM that there is. Classes that Spark's own loader finds (`spark.jars`), as
    executors elsewhere must, can't come from an archive of classes."""
    return settings.spark_jars if settings.spark_master.startswith("local") else ()


def java_options(settings: Settings) -> list[str]:
    archive = settings.spark_class_archive
    return [
        f"-Xmx{settings.streaming_driver_memory}",
        # Java begins with 20 MB for classes, and collects all garbage each time they outgrow it: five times in a start.
        "-XX:MetaspaceSize=256m",
        *([f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"] if archive and archive.is_file() else []),
        f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
        f"-Dcauce.log.format={settings.log_format}",
        *shlex.split(settings.streaming_java_options),
    ]


def spark_options(settings: Settings, slots: int = 2) -> dict[str, str]:
    """Spark's configuration. Raises Fatal when one of the jars is not there, or there are too few task slots."""
    missing = [str(jar) for jar in settings.spark_jars if not jar.is_file()]
    if missing:
        raise Fatal(f"no such file in CAUCE_SPARK_JARS: {', '.join(missing)}")
    return {
        **_FIXED,
        **(_LOCAL_MASTER if settings.spark_master.startswith("local") else {}),
        **(_LOCAL_CHECKPOINT if urlsplit(settings.checkpoint_url).scheme in ("", "file") else {}),
        "spark.master": master(settings.spark_master, slots),
        **({} if _local_jars(settings) else {"spark.jars": ",".join(str(jar) for jar in settings.spark_jars)}),
        "spark.sql.shuffle.partitions": str(settings.streaming_shuffle_partitions),
        # One for each task that reads, and as many again while queries are started anew.
        "spark.kafka.consumer.cache.capacity": str(max(64, 2 * slots)),
        "spark.driver.memory": settings.streaming_driver_memory,
        **settings.spark_options,
    }


def master(wanted: str, slots: int) -> str:
    """`local` with as many task slots as are needed: idle tasks wait, they take no processor. Raises Fatal where a
    number was set that is too small."""
    if wanted == "local":
        return f"local[{slots}]"
    given = re.fullmatch(r"local\[(\d+)\]", wanted)
    if given and int(given[1]) < slots:
        raise Fatal(
            f"CAUCE_SPARK_MASTER is `{wanted}`, and the declared streams need {slots} task slots at once: "
            f"set it to `local[{slots}]`, or to `local`, which takes as many as are needed"
        )
    return wanted
