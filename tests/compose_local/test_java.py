from __future__ import annotations

from pathlib import Path

import pytest

from compose.local.java import describe, installed_java, parse


@pytest.mark.parametrize(("written", "version"), [("17", 17), ("25", 25), ("1.8", 8)])
def test_version_and_home_are_read(written: str, version: int) -> None:
    """The home and the feature version come from what Java says about itself."""
    java = parse(f"Property settings:\n    java.home = /opt/a java\n    java.specification.version = {written}\n")
    assert java is not None
    assert (java.home, java.version) == (Path("/opt/a java"), version)


def test_anything_else_is_no_java() -> None:
    """Words that are not Java's are not taken for a Java."""
    assert parse("command not found") is None


def test_a_program_that_is_missing_is_no_java(tmp_path: Path) -> None:
    """A JAVA_HOME that leads nowhere is passed over."""
    assert describe(tmp_path / "bin" / "java") is None
    assert installed_java({"JAVA_HOME": str(tmp_path), "PATH": str(tmp_path)}) is None


def test_an_old_java_is_passed_over(tmp_path: Path) -> None:
    """A Java before 17 on PATH counts as none."""
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho ' java.home = /old' >&2\necho ' java.specification.version = 11' >&2\n")
    old.chmod(0o755)
    assert describe(old) is not None
    assert installed_java({"PATH": str(tmp_path)}) is None
