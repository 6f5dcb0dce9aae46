from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from compose.local.artifacts import Jar, read_lock, set_name, verify
from compose.local.errors import LocalStackError

CONTENT = b"a jar"
JAR = Jar("kafka", "org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_the_right_file_passes(tmp_path: Path) -> None:
    """A jar with the checksum of the lock file is accepted."""
    (tmp_path / JAR.filename).write_bytes(CONTENT)
    verify(JAR, tmp_path / JAR.filename)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """A jar with one other byte is refused by its coordinates, and the advice names its folder."""
    (tmp_path / JAR.filename).write_bytes(CONTENT + b"!")
    with pytest.raises(LocalStackError, match=r"org\.example:thing:1\.0 is not the file") as raised:
        verify(JAR, tmp_path / JAR.filename)
    assert str(tmp_path) in raised.value.advice


def test_the_committed_lock_has_every_set() -> None:
    """The lock file names the jars of Kafka, Spark's connector and MariaDB, each once, with a whole checksum."""
    jars = read_lock()
    assert {jar.group for jar in jars} == {"kafka", "mariadb", "spark"}
    assert len({(jar.group, jar.coordinate) for jar in jars}) == len(jars)
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """A line that cannot be read is named by its number."""
    lock = tmp_path / "jars.sha256"
    lock.write_text("# comment\nnot a line\n")
    with pytest.raises(LocalStackError, match="line 2"):
        read_lock(lock)


def test_another_version_gets_another_folder() -> None:
    """Jars of two versions never share a class path."""
    other = Jar(JAR.group, "org.example:thing:1.1", JAR.sha256, JAR.size)
    assert set_name("kafka", [JAR]) != set_name("kafka", [other])
