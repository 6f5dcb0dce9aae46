"""The Java process that runs Spark: how it is started, how it ends with this one.

Spark's own launcher is not used. It adds `--add-modules=jdk.incubator.vector`, which small Java runtimes lack and then
refuse to start, and it costs a second JVM at each start. What it would do for a Python driver is done here: SparkSubmit
opens a gateway, writes its port and secret into a file, and ends itself when its stdin is closed, which the kernel does
when this process dies, by SIGKILL too.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyspark

from shared.errors import Fatal

START_DEADLINE_S = 180.0
STOP_DEADLINE_S = 4.0
_POLL_S = 0.05

_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
_MODULE_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.type=pooled",
    "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)
"""What Spark's `JavaModuleOptions` lists, without the incubator module."""


class Jvm:
    """A Java process with a gateway. `start` and `end` block; `kill` frees whoever waits for its answers.

    `folder` takes its temporary files: a JVM that is killed leaves them there.
    """

    def __init__(
        self,
        java_options: Sequence[str],
        spark_options: Mapping[str, str],
        folder: Path,
        jars: Sequence[Path] = (),
        stop_deadline_s: float = STOP_DEADLINE_S,
    ) -> None:
        """`jars` are on the class path beside Spark's own."""
        self._command = _command([f"-Djava.io.tmpdir={folder}", *java_options], spark_options, jars)
        self._folder = folder
        self._stop_deadline_s = stop_deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._unwanted = False

    def start(self) -> None:
        """From now on `SparkSession.builder.getOrCreate()` of this process uses this JVM.

        Raises Fatal when Java doesn't come up within `START_DEADLINE_S`.
        """
        connection = self._folder / "gateway"
        self._process = _start(self._command, connection)
        if self._unwanted:
            self._process.kill()
        _wait_for(connection, self._process)
        _publish(connection.read_bytes())

    def end(self) -> None:
        """Closes its stdin, which ends it and lets it tidy up; kills it after its deadline."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=self._stop_deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def kill(self) -> None:
        """At once; a start under way fails."""
        self._unwanted = True
        if self._process is not None:
            self._process.kill()


def spark_jars() -> Path:
    """The folder of Spark's own jars."""
    return Path(pyspark.__file__).with_name("jars")


def java_executable(environment: Mapping[str, str]) -> str:
    """`JAVA_HOME`'s, else the one on the path. Raises Fatal where there is none."""
    home = environment.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    found = shutil.which(java, path=environment.get("PATH"))
    if found is None:
        raise Fatal(f"no Java found as `{java}`: install Java 17 or newer, or set JAVA_HOME to one")
    return found


def _command(java_options: Sequence[str], spark_options: Mapping[str, str], jars: Sequence[Path]) -> list[str]:
    # As in Spark's own launcher: a folder with core-site.xml and hdfs-site.xml, for a cluster that needs them. It comes
    # last: an archive of classes fits as long as the class path begins as it did when the archive was made.
    places = [f"{spark_jars()}/*", *map(str, jars), os.environ.get("HADOOP_CONF_DIR")]
    classes = os.pathsep.join(filter(None, places))
    java = [java_executable(os.environ), *_MODULE_OPTIONS, *java_options, "-cp", classes]
    configuration = [part for name, value in spark_options.items() for part in ("--conf", f"{name}={value}")]
    return [*java, "org.apache.spark.deploy.SparkSubmit", *configuration, "pyspark-shell"]


def _start(command: list[str], connection: Path) -> subprocess.Popen[bytes]:
    home = str(Path(pyspark.__file__).parent)
    environment = os.environ | {"SPARK_HOME": home, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(connection)}
    # A group of its own: Ctrl-C in a terminal reaches Python alone, which then stops the queries in order.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, process_group=0)


def _wait_for(connection: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not connection.exists():
        if process.poll() is not None:
            raise Fatal(f"Java ended with code {process.returncode} before Spark was up: see its messages above")
        if time.monotonic() > deadline:
            raise Fatal(f"Spark was not up after {START_DEADLINE_S:.0f} s: is the machine overloaded?")
        time.sleep(_POLL_S)


def _publish(connection: bytes) -> None:
    """Sets the two variables through which Spark tells a Python driver where its JVM is, and the one that names the
    Python of its workers: Spark would take the first `python3` on the PATH, which may be of another version.

    `connection` is what the gateway wrote: its port and the length of its secret in four bytes each, then the secret.
    """
    port, length = struct.unpack_from(">ii", connection)
    os.environ["PYSPARK_GATEWAY_PORT"] = str(port)
    os.environ["PYSPARK_GATEWAY_SECRET"] = connection[8 : 8 + length].decode()
    os.environ["PYSPARK_PYTHON"] = sys.executable
