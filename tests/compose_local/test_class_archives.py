"""Archives of classes: made once, and never a reason for a start to fail."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from compose.local import class_archives as module
from compose.local.class_archives import class_archives
from compose.local.java import Java, installed_java
from compose.local.servers import kafka
from compose.local.settings import LocalSettings


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    return LocalSettings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")


@pytest.fixture
def java(tmp_path: Path) -> Java:
    """One that ends at once and says why."""
    program = tmp_path / "jre" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho no such machine >&2\nexit 1\n")
    program.chmod(0o755)
    return Java(tmp_path / "jre", 17)


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    path = tmp_path / "jars" / "one.jar"
    path.parent.mkdir()
    path.write_bytes(b"a jar")
    return path


def test_where_none_can_be_made_the_start_goes_on(settings: LocalSettings, java: Java, jar: Path) -> None:
    """A Java that fails leaves a note why, and isn't tried again at each start."""
    said: list[str] = []
    for _ in range(2):
        archives = class_archives(java, [jar], [jar], settings, said.append)
        assert not archives.spark.exists()
    assert "no such machine" in (archives.spark.parent / "why").read_text()
    assert len(said) == 1


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path, java: Java, jar: Path) -> None:
    """It is said, and the start goes on without."""
    (tmp_path / "file").touch()
    settings = LocalSettings(state_dir=tmp_path / "state", cache_dir=tmp_path / "file" / "cache")
    said: list[str] = []
    archives = class_archives(java, [jar], [jar], settings, said.append)
    assert not archives.kafka.exists()
    assert "not archived" in said[-1]


def test_another_jar_is_another_archive(settings: LocalSettings, java: Java, jar: Path) -> None:
    """Where a jar has changed, an archive that the JVM would refuse isn't offered to it."""
    before = class_archives(java, [jar], [jar], settings, lambda _: None)
    jar.write_bytes(b"another jar")
    assert class_archives(java, [jar], [jar], settings, lambda _: None) != before


def test_archives_of_environments_that_are_gone_are_removed(settings: LocalSettings, java: Java, jar: Path) -> None:
    """They serve nobody, and are 240 MB."""
    gone = settings.cache_dir / "classes-gone"
    gone.mkdir(parents=True)
    (gone / "place").write_text(f"{settings.cache_dir / 'no-such-environment'}\n")
    class_archives(java, [jar], [jar], settings, lambda _: None)
    assert not gone.exists()


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 10_000])
def test_an_archive_that_is_none_costs_nothing(tmp_path: Path, content: bytes | None) -> None:
    """Java starts beside a missing, an empty and a broken archive as if there were none."""
    runtime = installed_java(os.environ)
    if runtime is None:
        pytest.skip("no Java here")
    archive = tmp_path / "broken.jsa"
    if content is not None:
        archive.write_bytes(content)
    options = [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-version"]
    command = kafka.java(runtime, [tmp_path / "none.jar"], *options)
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def test_a_fleets_settings_are_not_the_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has set for his fleet has no part in what serves all fleets."""
    monkeypatch.setenv("CAUCE_STREAMS_DIR", "/elsewhere")
    environment = module._environment(Java(Path("/jre"), 17), [Path("/a.jar")], "127.0.0.1:1")
    assert "CAUCE_STREAMS_DIR" not in environment
    assert environment["CAUCE_SPARK_JARS"] == "/a.jar"
