"""The fair scheduler's pools: who gets the next free task slot when several want one.

Queries in Real-Time Mode hold their slots for as long as they run; what takes turns are micro-batches: those of streams
that ask for them, catching up, and the archive, which can wait.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent


class Pool(StrEnum):
    """Named in Spark as here."""

    STREAMING = "streaming"
    BATCH = "batch"


_WEIGHTS = {Pool.STREAMING: 4, Pool.BATCH: 1}


def write_pools(folder: Path) -> Path:
    """Writes the allocation file that `spark.scheduler.allocation.file` names; returns its path."""
    root = Element("allocations")
    for name, weight in _WEIGHTS.items():
        pool = SubElement(root, "pool", name=name)
        SubElement(pool, "schedulingMode").text = "FAIR"
        SubElement(pool, "weight").text = str(weight)
        SubElement(pool, "minShare").text = "0"
    indent(root)
    path = folder / "fairscheduler.xml"
    ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path
