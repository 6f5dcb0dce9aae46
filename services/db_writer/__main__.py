"""`python -m services.db_writer`: topics into stores. With `--init` it creates tables and indexes, and ends."""

from __future__ import annotations

import sys

from services.db_writer.bootstrap import build
from services.db_writer.initialise import initialise
from services.db_writer.settings import DbWriterSettings
from shared.runtime.service import main, run_once

if __name__ == "__main__":
    if "--init" in sys.argv[1:]:
        run_once("db_writer", DbWriterSettings, initialise)
    else:
        main("db_writer", DbWriterSettings, build)
