"""The operator's command: one file per verb."""

from __future__ import annotations

import sys

# An import that fails would explain nothing; of what was not run nobody knows that it works.
if not (3, 11) <= sys.version_info < (3, 14):
    sys.exit(
        f"cauce wants Python 3.11, 3.12 or 3.13 (3.14 was not run yet), this is {sys.version.split()[0]}: "
        "make the environment with one of those"
    )
