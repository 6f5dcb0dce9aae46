"""`python3 compose/new_key.py COMPANY >> compose/.env`: API keys for Compose, needing nothing but Python.

There are two, of one company. The caller's is shown on standard error, this once, and is nowhere else: the file gets
its SHA-256, also as that of an operator, who may see and redrive dead letters. The dashboard's is in the file, since
the dashboard has to present it; nobody needs to read it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys


def line_for(company: str, *keys: str) -> str:
    """What the gateway needs to know, quoted as Compose reads a `.env` file."""
    return f"CAUCE_API_KEYS='{json.dumps({_digest(key): company for key in keys})}'"


def operators_line(*keys: str) -> str:
    """The same of the operators."""
    return f"CAUCE_OPERATOR_KEYS='{json.dumps([_digest(key) for key in keys])}'"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    return f"dev_{secrets.token_urlsafe(24)}"


def main(company: str = "demo") -> None:
    callers, dashboards = new_key(), new_key()
    sys.stderr.write(f"the key of {company}: {callers}\n")
    lines = (line_for(company, callers, dashboards), operators_line(callers), f"CAUCE_DASHBOARD_KEY='{dashboards}'")
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main(*sys.argv[1:2])
