"""`python3 compose/new_key.py COMPANY >> compose/.env`: API keys for Compose, needing nothing but Python.

There are two, of one company. The caller's is shown on standard error, this once, and is nowhere else: the file gets
its SHA-256. The dashboard's is in the file, since the dashboard has to present it; nobody needs to read it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys


def line_for(company: str, *keys: str) -> str:
    """What the gateway needs to know, quoted as Compose reads a `.env` file."""
    table = {hashlib.sha256(key.encode()).hexdigest(): company for key in keys}
    return f"CAUCE_API_KEYS='{json.dumps(table)}'"


def new_key() -> str:
    return f"dev_{secrets.token_urlsafe(24)}"


def main(company: str = "demo") -> None:
    callers, dashboards = new_key(), new_key()
    sys.stderr.write(f"the key of {company}: {callers}\n")
    sys.stdout.write(f"{line_for(company, callers, dashboards)}\nCAUCE_DASHBOARD_KEY='{dashboards}'\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
