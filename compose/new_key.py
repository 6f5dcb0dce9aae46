"""`python3 compose/new_key.py COMPANY >> compose/.env`: an API key for Compose, needing nothing but Python.

The line for the file goes to standard output and holds only the key's SHA-256; the key itself goes to standard error,
is shown this once, and is nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys


def line_for(key: str, company: str) -> str:
    """What the gateway needs to know, quoted as Compose reads a `.env` file."""
    return f"CAUCE_API_KEYS='{json.dumps({hashlib.sha256(key.encode()).hexdigest(): company})}'"


def main(company: str = "demo") -> None:
    key = f"dev_{secrets.token_urlsafe(24)}"
    sys.stderr.write(f"the key of {company}: {key}\n")
    sys.stdout.write(f"{line_for(key, company)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
