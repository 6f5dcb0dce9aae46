"""The folder of declarations of the tests' fleet: the shipped ones, the documentation's example, and the tests' own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make_streams(folder: Path) -> Path:
    """Fills `folder` and returns it."""
    folder.mkdir()
    for source in (ROOT / "streams", Path(__file__).with_name("streams")):
        for file in source.glob("*.yaml"):
            shutil.copy(file, folder)
    (folder / "orders.yaml").write_text(documented_example())
    return folder


def documented_example() -> str:
    """The declaration that docs/streams.md shows, to the letter."""
    [block] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "streams.md").read_text(), re.DOTALL)
    return str(block)
