from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from compose.local.artifacts import read_lock
from tests.compose.files import BASE, FOLDER, ROOT, TEST, load

DOCKERFILES = ("Dockerfile", "Dockerfile.test")


def text_of(name: str) -> str:
    return (FOLDER / name).read_text().replace("\\\n", " ")


def stages(name: str) -> dict[str, list[str]]:
    """Instructions by stage."""
    found: dict[str, list[str]] = {}
    stage = ""
    for line in text_of(name).splitlines():
        if match := re.fullmatch(r"FROM \S+(?: AS (\S+))?", line):
            stage = match[1] or ""
            found[stage] = []
        elif stage in found and line and not line.startswith("#"):
            found[stage].append(line)
    return found


def copied(name: str) -> set[str]:
    """What comes from the repository."""
    lines = [line for lines in stages(name).values() for line in lines]
    return {
        source for line in lines if line.startswith("COPY ") and "--from" not in line for source in line.split()[1:-1]
    }


def test_every_target_of_the_files_exists() -> None:
    """Each image is built from a Dockerfile that is there, at a stage that it has."""
    for service in load(BASE, TEST, CAUCE_API_KEYS="{}")["services"].values():
        build = service["build"]
        assert build["context"] == ".."
        path = build["dockerfile"].removeprefix("compose/")
        assert build.get("target", "") in stages(path)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_is_copied_is_there_and_let_in(name: str) -> None:
    """Every COPY names files of the repository, and the ignore file lets them into the build."""
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for source in copied(name):
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in let_in)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_everything_installed_is_pinned_by_hash(name: str) -> None:
    """No pip install without `--require-hashes`, and no address of a registry."""
    installs = [line for lines in stages(name).values() for line in lines if re.search(r"\bpip\b.* install\b", line)]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert "://" not in text_of(name)


@pytest.mark.parametrize("target", ["services", "streaming", "dashboard"])
def test_nothing_runs_as_root(target: str) -> None:
    """Each image ends as the unprivileged user."""
    assert stages("Dockerfile")[target][-1] == "USER cauce"


def test_the_jars_of_the_image_are_locked() -> None:
    """The set of jars that the image fetches is one of the lock file's."""
    command = next(line for line in stages("Dockerfile")["jars"] if "compose.fetch_jars" in line)
    assert command.split("compose.fetch_jars ")[1].split()[0] in {jar.group for jar in read_lock()}
