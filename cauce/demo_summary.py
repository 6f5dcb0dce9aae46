"""What came out of the demo, where to look at it, how to go on."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from cauce.console import near, out, say
from cauce.following import Followed, describe
from cauce.welcome import next_steps
from compose.local.outcome import Outcome
from compose.local.provision import mariadb_path
from compose.local.settings import LocalSettings
from compose.local.state import Endpoints, FleetState
from shared.contracts.documents import State
from shared.mysql_address import MySqlAddress


def missing(followed: Sequence[Followed], outcome: Outcome) -> list[str]:
    """What should be there and is not, each in a sentence."""
    chunks = sum(item.counts.chunks or 0 for item in followed)
    found = [f"{item.file.name}: {describe(item)}" for item in followed if item.state is not State.COMPLETE]
    if not any(item.counts.pages for item in followed):
        found.append("no document has a page")
    for what, number in (("chunks", outcome.chunks), ("vectors", outcome.vectors)):
        if number != chunks or not number:
            found.append(f"MongoDB has {number} {what}, the documents say {chunks}")
    if outcome.documents != len(followed):
        found.append(f"MongoDB has {outcome.documents} complete documents of {len(followed)}")
    if outcome.window_chunks < chunks or not outcome.window_rows:
        found.append(f"the windows in MySQL count {outcome.window_chunks} chunks of {chunks}")
    return found


def show(
    followed: Sequence[Followed], outcome: Outcome, state: FleetState, settings: LocalSettings, problems: Sequence[str]
) -> None:
    """Print the result, commands to see it with one's own eyes, and what is missing."""
    say("\nwhat came out:")
    table = Table.grid(padding=(0, 2))
    for number, what, where in _rows(followed, outcome):
        table.add_row(f"  {number}", what, where)
    out.print(table)
    say("\nlook at it:")
    for line in commands(followed, state, settings):
        say(f"  {line}")
    say("\ngo on:")
    for line in next_steps():
        say(f"  {line}")
    for problem in problems:
        say(f"missing: {problem}")


def _rows(followed: Sequence[Followed], outcome: Outcome) -> list[tuple[str, str, str]]:
    pages = sum(item.counts.pages or 0 for item in followed)
    return [
        (str(outcome.documents), "documents", "MongoDB: documents"),
        (str(pages), "pages", "in the formats that have pages"),
        (str(outcome.chunks), "chunks", "MongoDB: chunks"),
        (str(outcome.vectors), "vectors", "MongoDB: embeddings"),
        (str(outcome.window_rows), f"window rows counting {outcome.window_chunks} chunks", "MySQL: chunk_counts_1m"),
    ]


def commands(followed: Sequence[Followed], state: FleetState, settings: LocalSettings) -> list[str]:
    """The dashboard, then commands to paste: over HTTP, in MongoDB, in MySQL."""
    where = state.endpoints
    document = next((item.document_id for item in followed if item.document_id), "DOCUMENT_ID")
    curl = f'curl -s -H "Authorization: Bearer $(cat {shlex.quote(near(settings.layout.api_key))})"'
    return [
        *([f"{where.dashboard_url}   (the dashboard)"] if where.dashboard_url else []),
        f"{curl} {where.gateway_url}/documents/{document}",
        f"{curl} {where.gateway_url}/documents/{document}/chunks",
        _mongodb(where),
        _mysql(where.mysql_url, mariadb_path(settings) / "bin" / "mariadb"),
        f"{where.gateway_url}/docs   (the API, to try in a browser)",
    ]


def _mongodb(where: Endpoints) -> str:
    chunk = f'pymongo.MongoClient("{where.mongodb_url}").{where.mongodb_database}.chunks.find_one()'
    return f"{near(Path(sys.executable))} -c {shlex.quote(f'import pymongo; print({chunk})')}"


def _mysql(url: str, client: Path) -> str:
    address = MySqlAddress.parse(url)
    login = "-h {host} -P {port} -u {user} -p{password}".format_map(address.login)
    return f"{client} {login} {address.database} -t -e {shlex.quote('TABLE chunk_counts_1m')}"
