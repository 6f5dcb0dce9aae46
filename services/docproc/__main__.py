"""`python -m services.docproc`: from `documents.raw` to `chunks.processed`."""

from __future__ import annotations

if __name__ == "__main__":
    # Each parsing process runs this file again, under another name: it must not load the whole service.
    from services.docproc.bootstrap import build
    from services.docproc.settings import DocprocSettings
    from shared.runtime.service import main

    main("docproc", DocprocSettings, build)
