"""`python -m streaming`: the Spark application, until SIGTERM."""

from __future__ import annotations

from shared.runtime.service import main
from streaming.bootstrap import build
from streaming.settings import Settings

if __name__ == "__main__":
    main("streaming", Settings, build)
