"""Where documents with known content come from: our own set always, the real one where it lies beside this clone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.catalogue import FILES

REAL = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "documents"


def real(*values: object) -> object:
    """A case that needs the real documents; skipped where they are not."""
    missing = not (REAL / "manifest.jsonl").is_file()
    return pytest.param(
        *values, id="real", marks=pytest.mark.skipif(missing, reason=f"no real documents with a manifest in {REAL}")
    )


FOLDERS = [pytest.param(FILES, id="ours"), real(REAL)]
