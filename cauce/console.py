"""How the command talks: results to standard output, errors to standard error with what to do about them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

# Where nobody looks at a screen, lines are as long as they are.
_WIDTH = None if sys.stdout.isatty() else 200

out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """One plain line; nothing in it is taken for markup."""
    out.print(line, markup=False, soft_wrap=True)


def complain(message: str, advice: str = "") -> None:
    """An error and, on a line of its own, the way out."""
    err.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    if advice:
        err.print(Text.assemble(("try:   ", "bold"), advice), soft_wrap=True)


def near(path: Path) -> str:
    """A path as one would type it here: relative where it lies below this folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def cauce() -> str:
    """How to call this command from here: by name where it is on PATH, else by its place in the environment."""
    own = Path(sys.executable).with_name("cauce")
    found = shutil.which("cauce")
    if not own.exists():
        return f"{near(Path(sys.executable))} -m cauce"
    if found and Path(found).samefile(own):
        return "cauce"
    return near(own)
