"""MongoDB, a single server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from compose.local.ports import HOST
from compose.local.probes import mongodb_probe
from compose.local.program import Kind, Program
from compose.local.provision import Tools


def url(port: int) -> str:
    return f"mongodb://{HOST}:{port}/?directConnection=true"


def program(folder: Path, tools: Tools, port: int, env: Mapping[str, str]) -> Program:
    folder.mkdir(parents=True, exist_ok=True)
    return Program(
        name="mongodb",
        kind=Kind.SERVER,
        argv=[
            str(tools.mongod),
            f"--dbpath={folder}",
            f"--bind_ip={HOST}",
            f"--port={port}",
            "--nounixsocket",
            "--quiet",
            # By default half of the memory less 1 GiB, which is too much beside a whole fleet.
            "--wiredTigerCacheSizeGB=0.5",
        ],
        env=env,
        cwd=folder,
        port=port,
        probe=mongodb_probe(url(port)),
    )
