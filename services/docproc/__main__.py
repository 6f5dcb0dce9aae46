"""`python -m services.docproc`: from `documents.raw` to `chunks.processed`."""

from __future__ import annotations

from services.docproc.bootstrap import build
from services.docproc.settings import DocprocSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main("docproc", DocprocSettings, build)
