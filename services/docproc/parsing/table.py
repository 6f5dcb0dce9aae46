"""CSV and TSV, as one table."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from services.docproc.parsing.charset import decode
from services.docproc.parsing.model import Extracted, Limits
from services.docproc.parsing.refusals import refusing_malformed
from services.docproc.parsing.writer import Writer

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
csv.field_size_limit(sys.maxsize)  # of the whole process, so one for all files: how much is too much the writer says


def read(path: Path, limits: Limits) -> Extracted:
    """The delimiter is the one that splits the first lines most evenly, whatever the file is called."""
    text = decode(path.read_bytes())
    writer = Writer(limits)
    with refusing_malformed("CSV file"):
        writer.table(csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter(text[:_SAMPLE])))
    writer.end_page(None)
    return Extracted(tuple(writer.pages))


def delimiter(sample: str) -> str:
    """The candidate that gives the most rows of one and the same width above one."""
    return max(_DELIMITERS, key=lambda candidate: _evenness(sample, candidate))


def _evenness(sample: str, candidate: str) -> tuple[float, int]:
    widths = [len(row) for row in csv.reader(sample.splitlines(), delimiter=candidate) if row]
    if not widths:
        return 0.0, 0
    usual = max(set(widths), key=widths.count)
    return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual
