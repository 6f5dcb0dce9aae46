"""Archives of Kafka's and Spark's classes (AppCDS), made once when both have been fetched: a start maps them into
memory instead of reading and checking thousands of classes.

A JVM takes an archive only where it and its jars are the ones that it was made with, by path, size and time; else it
reads the classes as ever. So a missing or a stale archive costs time, and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compose.local.cache import sealed_folder
from compose.local.errors import LocalStackError
from compose.local.java import Java
from compose.local.ports import HOST, free_port
from compose.local.probes import kafka_probe
from compose.local.servers import kafka
from compose.local.settings import ROOT, LocalSettings

Say = Callable[[str], None]

FORM = 1
"""Of what is archived. Raise it where starts use other classes than before."""
_PREFIX = "classes-"
_READY_S = 120.0
_TRAINING_S = 420.0
_STOP_S = 120.0
_PLACE = "place"


@dataclass(frozen=True)
class ClassArchives:
    """One file for each JVM; it needn't be there."""

    kafka: Path
    spark: Path


def class_archives(
    java: Java, kafka_jars: Sequence[Path], spark_jars: Sequence[Path], settings: LocalSettings, say: Say
) -> ClassArchives:
    """The archives for this JVM and these jars, made where there are none.

    One that can't be made isn't tried again: the folder says why, in `why`.
    """
    spark = _pyspark_jars()
    name = _PREFIX + _key(java, [*kafka_jars, *spark_jars, *sorted(spark.glob("*.jar"))])

    def fill(work: Path) -> None:
        _remove_useless(settings.cache_dir)
        (work / _PLACE).write_text(f"{spark}\n")
        say("archiving Kafka's and Spark's classes: once, a minute or two")
        _make(work, java, kafka_jars, spark_jars)

    folder = settings.cache_dir / name
    try:
        sealed_folder(folder, fill)
    except OSError as error:  # a cache of somebody else, a full disk
        say(f"Kafka's and Spark's classes are not archived, so that each start takes longer: {error}")
    return ClassArchives(folder / "kafka.jsa", folder / "spark.jsa")


def _pyspark_jars() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LocalStackError("pyspark is not installed here", advice="make venv")
    return Path(spec.origin).with_name("jars")


def _key(java: Java, jars: Sequence[Path]) -> str:
    """Of all that a JVM compares before it takes an archive."""
    files = [java.executable.resolve(), *jars]
    seen = [(str(file), stat.st_size, stat.st_mtime_ns) for file in files for stat in [file.stat()]]
    return hashlib.sha256(repr((FORM, java.home, seen)).encode()).hexdigest()[:12]


def _remove_useless(cache: Path) -> None:
    """Those of environments that are gone; while the cache's lock is held."""
    for folder in cache.glob(f"{_PREFIX}*"):
        place = folder / _PLACE
        if place.is_file() and not Path(place.read_text().strip()).is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, java: Java, kafka_jars: Sequence[Path], spark_jars: Sequence[Path]) -> None:
    try:
        with _broker(folder, java, kafka_jars) as bootstrap:
            environment = _environment(java, spark_jars, bootstrap)
            command = [sys.executable, "-P", "-m", "streaming.training", str(folder / "spark.jsa")]
            subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=_TRAINING_S
            )
    except subprocess.CalledProcessError as error:
        (folder / "why").write_text(f"{error}\n{error.stdout}\n{error.stderr}")
    except (LocalStackError, OSError, subprocess.TimeoutExpired) as error:
        (folder / "why").write_text(f"{error}\n")
    finally:
        shutil.rmtree(folder / "broker", ignore_errors=True)


def _environment(java: Java, spark_jars: Sequence[Path], bootstrap: str) -> Mapping[str, str]:
    """Nothing of what the user has set for a fleet: archives serve all of them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CAUCE_", "KAFKA_"))}
    return inherited | {
        "PYTHONPATH": str(ROOT),
        "JAVA_HOME": str(java.home),
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "CAUCE_CHECKPOINT_URL": "/nowhere",
        "CAUCE_SPARK_JARS": ",".join(map(str, spark_jars)),
    }


@contextmanager
def _broker(folder: Path, java: Java, jars: Sequence[Path]) -> Iterator[str]:
    """A broker for this purpose alone, whose classes are written at its end. Raises LocalStackError."""
    home = folder / "broker"
    home.mkdir()
    port = free_port()
    controller = free_port({port})
    properties = kafka.write_properties(home, port, controller)
    kafka.format_storage(kafka.java(java, jars, *kafka.SHORT), properties, uuid.uuid4().hex[:22])
    command = [*kafka.java(java, jars, f"-XX:ArchiveClassesAtExit={folder / 'kafka.jsa'}"), "kafka.Kafka", properties]
    with (home / "log.txt").open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _until_ready(f"{HOST}:{port}", process)
        yield f"{HOST}:{port}"
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(bootstrap: str, process: subprocess.Popen[bytes]) -> None:
    probe = kafka_probe(bootstrap)
    deadline = time.monotonic() + _READY_S
    while asyncio.run(probe()) is not None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise LocalStackError("the broker whose classes were to be archived did not start")
        time.sleep(0.2)
