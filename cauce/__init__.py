"""The operator's command: one file per verb."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 else an import fails that explains nothing
    sys.exit(f"cauce wants Python 3.11 or newer, this is {sys.version.split()[0]}: make the environment with that one")
