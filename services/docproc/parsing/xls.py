"""Workbooks of Excel before 2007: each sheet a page, its cells a table."""

from __future__ import annotations

from pathlib import Path

from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.xlsx import read_workbook


def read(path: Path, limits: Limits) -> Extracted:
    """As the workbooks of today, but the container isn't packed: nothing in it can grow."""
    return read_workbook(path, limits)
