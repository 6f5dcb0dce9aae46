from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.everywhere.interpreters import ask, interpreters


def test_this_one_is_found_once(tmp_path: Path) -> None:
    """However many links lead to it; what is no Python, and what can't be run, is passed over."""
    here = os.path.realpath(sys.executable)
    for name in ("python3", "python3.11"):
        (tmp_path / name).symlink_to(here)
    (tmp_path / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "python3.12").chmod(0o755)
    (tmp_path / "python3.13").write_text("not to be run")
    found = interpreters({"PATH": f"{tmp_path}{os.pathsep}{tmp_path / 'missing'}", "PYENV_ROOT": str(tmp_path)})
    assert [one.path for one in found if one.version == sys.version_info[:3]] == [Path(here)]
    assert ask(tmp_path / "python3.12") is None
