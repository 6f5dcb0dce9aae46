"""A real HDFS for tests: Hadoop's own mini cluster, one process with a name node and a data node on the loopback
interface, from jars that are fetched when a test first asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
from rich.console import Console

from compose.local import child
from compose.local.jars import jar_set
from compose.local.java import find_java
from compose.local.ports import HOST, free_port
from compose.local.progress import PlainFetching
from compose.local.settings import LocalSettings

LOCK_FILE = Path(__file__).with_name("jars.sha256")
_START_SECONDS = 90


@contextmanager
def hdfs(folder: Path) -> Iterator[str]:
    """Its URL. `folder` takes its data. Raises LocalStackError where its jars or a Java can't be fetched."""
    started = folder / "started"
    port = free_port()
    # It ends with this process, however that ends.
    parent = [sys.executable, "-I", "-S", child.__file__, str(os.getpid())]
    with (folder / "hdfs.log").open("wb") as log:
        process = subprocess.Popen([*parent, *_command(folder, port, started)], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(started, process, folder / "hdfs.log")
        yield f"hdfs://{HOST}:{port}"
    finally:
        process.kill()
        process.wait()


def _command(folder: Path, port: int, started: Path) -> list[str]:
    settings, fetching = LocalSettings(), PlainFetching(Console(stderr=True))
    java = find_java(os.environ, settings, fetching).executable
    jars = [str(jar) for jar in jar_set("hdfs", settings, fetching, LOCK_FILE)]
    classes = os.pathsep.join([*jars, str(Path(pyspark.__file__).with_name("jars") / "*")])
    options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dtest.build.data={folder}"]
    cluster = ["org.apache.hadoop.mapreduce.MiniHadoopClusterManager", "-nomr", "-format"]
    ports = ["-nnport", str(port), "-nnhttpport", str(free_port(avoid=[port]))]
    return [str(java), *options, "-cp", classes, *cluster, *ports, "-writeDetails", str(started)]


def _wait_for(started: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """The cluster writes that file when it is up."""
    deadline = time.monotonic() + _START_SECONDS
    while not started.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"HDFS was not up after {_START_SECONDS} s: {log.read_text()}"
        time.sleep(0.1)
