"""`python -m services.ingest`: from `uploads.received` to `documents.raw`."""

from __future__ import annotations

from services.ingest.bootstrap import build
from services.ingest.settings import IngestSettings
from shared.runtime.service import main

if __name__ == "__main__":
    main("ingest", IngestSettings, build)
