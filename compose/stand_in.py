"""One of the local stack's servers in a container, where its image can't be had: `compose.test.yaml` uses it.

python -m compose.stand_in fetch            fetches every server, while the image is built
python -m compose.stand_in run kafka        becomes that server (kafka, mysql or mongodb)
python -m compose.stand_in check kafka      ends with 0 when it answers
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from compose.local.ports import HOST
from compose.local.program import Program
from compose.local.progress import PlainFetching
from compose.local.provision import Tools, provision
from compose.local.servers import kafka, mariadb, mongod
from compose.local.settings import LocalSettings

ANYWHERE = "0.0.0.0"  # noqa: S104 - other containers must reach it
DATA = Path("/var/lib/cauce-test")
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"


def main(verb: str, server: str = "") -> None:
    tools = provision(LocalSettings(), os.environ, PlainFetching(Console(stderr=True)))
    if verb == "run":
        prepare(server, DATA, tools, os.environ)
        become(program(server, DATA, tools, os.environ))
    elif verb == "check":
        sys.exit(asyncio.run(_problem(program(server, DATA, tools, os.environ))))


async def _problem(server: Program) -> str | None:
    unready = await server.probe()
    return unready and unready.reason


def program(server: str, data: Path, tools: Tools, env: Mapping[str, str]) -> Program:
    """How it is started, at the port that its image would have. Raises ValueError for a server that we don't have.

    What it needs in the folder `data` is made.
    """
    match server:
        case "kafka":
            return kafka.program(data / "server.properties", tools, 9092, env)
        case "mysql":
            return mariadb.program(data, tools, 3306, env["MARIADB_PASSWORD"], env)
        case "mongodb":
            return mongod.program(data, tools, 27017, env)
    raise ValueError(f"no server `{server}`: kafka, mysql or mongodb")


def prepare(server: str, data: Path, tools: Tools, env: Mapping[str, str]) -> None:
    if server == "kafka":
        properties = kafka.prepare(data, tools, 9092, 9093, CLUSTER_ID)
        properties.write_text(reachable_as("kafka", properties.read_text()))
    elif server == "mysql":
        mariadb.prepare(data, tools, env["MARIADB_PASSWORD"])


def become(server: Program) -> None:
    """Takes this process's place, so that the container's signals reach it."""
    os.chdir(server.cwd)
    arguments = [part.replace(f"={HOST}", f"={ANYWHERE}") for part in server.argv]
    os.execve(arguments[0], arguments, dict(server.env))  # noqa: S606 - no shell is wanted


def reachable_as(name: str, properties: str) -> str:
    """Kafka's configuration, listening everywhere and telling clients to come to `name`."""
    return properties.replace(f"\nlisteners=PLAINTEXT://{HOST}:", f"\nlisteners=PLAINTEXT://{ANYWHERE}:").replace(
        f"advertised.listeners=PLAINTEXT://{HOST}:", f"advertised.listeners=PLAINTEXT://{name}:"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
