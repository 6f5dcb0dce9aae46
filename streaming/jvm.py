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
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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


@contextmanager
def gateway_process(java_options: Sequence[str], spark_options: Mapping[str, str]) -> Iterator[None]:
    """A JVM that `SparkSession.builder.getOrCreate()` of this process will use, ended when the block is left.

    Raises Fatal when there is no Java, or when it doesn't come up within `START_DEADLINE_S`.
    """
    command = _command(java_options, spark_options)
    with ExitStack() as resources:
        with tempfile.TemporaryDirectory(prefix="cauce-gateway-") as directory:
            connection = Path(directory, "connection")
            process = _start(command, connection)
            resources.callback(_end, process)
            _wait_for(connection, process)
            resources.enter_context(_gateway_environment(connection.read_bytes()))
        yield


def java_executable(environment: Mapping[str, str]) -> str:
    """`JAVA_HOME`'s, else the one on the path. Raises Fatal where there is none."""
    home = environment.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    found = shutil.which(java, path=environment.get("PATH"))
    if found is None:
        raise Fatal(f"no Java found as `{java}`: install Java 17 or newer, or set JAVA_HOME to one")
    return found


def _command(java_options: Sequence[str], spark_options: Mapping[str, str]) -> list[str]:
    jars = Path(pyspark.__file__).with_name("jars")
    java = [java_executable(os.environ), *_MODULE_OPTIONS, *java_options, "-cp", f"{jars}/*"]
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


@contextmanager
def _gateway_environment(connection: bytes) -> Iterator[None]:
    """The two variables through which Spark tells a Python driver where its JVM is.

    `connection` is what the gateway wrote: its port and the length of its secret in four bytes each, then the secret.
    """
    port, length = struct.unpack_from(">ii", connection)
    os.environ["PYSPARK_GATEWAY_PORT"] = str(port)
    os.environ["PYSPARK_GATEWAY_SECRET"] = connection[8 : 8 + length].decode()
    try:
        yield
    finally:
        del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.communicate(timeout=STOP_DEADLINE_S)  # closes stdin
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
