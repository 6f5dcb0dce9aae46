"""Every option of Spark itself; what concerns one query's topics is in queries.py."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from shared.errors import Fatal
from streaming.jvm import Jvm
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
    # Only what changed is uploaded at each batch's end, not the files that RocksDB happened to write.
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    # A batch without input would only clear expired state: the next one with input does so as well.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # The heartbeat of an idle query, in ms.
    "spark.sql.streaming.noDataProgressEventInterval": "1000",
    "spark.sql.streaming.stopTimeout": "4s",
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


def make_jvm(settings: Settings, folder: Path) -> Jvm:
    """The JVM for a session, not started yet. Raises Fatal where Java or a jar is missing."""
    return Jvm(java_options(settings), spark_options(settings), folder)


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


def java_options(settings: Settings) -> list[str]:
    return [
        f"-Xmx{settings.streaming_driver_memory}",
        f"-Dlog4j2.configurationFile={_LOG4J.as_uri()}",
        f"-Dcauce.log.format={settings.log_format}",
        *shlex.split(settings.streaming_java_options),
    ]


def spark_options(settings: Settings) -> dict[str, str]:
    """Spark's configuration. Raises Fatal when one of the jars is not there."""
    missing = [str(jar) for jar in settings.spark_jars if not jar.is_file()]
    if missing:
        raise Fatal(f"no such file in CAUCE_SPARK_JARS: {', '.join(missing)}")
    return {
        **_FIXED,
        **(_LOCAL_MASTER if settings.spark_master.startswith("local") else {}),
        **(_LOCAL_CHECKPOINT if urlsplit(settings.checkpoint_url).scheme in ("", "file") else {}),
        "spark.master": settings.spark_master,
        "spark.jars": ",".join(str(jar) for jar in settings.spark_jars),
        "spark.sql.shuffle.partitions": str(settings.streaming_shuffle_partitions),
        "spark.driver.memory": settings.streaming_driver_memory,
    }
