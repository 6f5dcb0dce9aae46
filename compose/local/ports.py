"""Choosing ports: the one asked for, else the one remembered, else a free one."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Iterable, Mapping

import psutil

from compose.local.errors import LocalStackError

HOST = "127.0.0.1"

# Below the range from which the kernel takes ports for outgoing connections: one of those could take a remembered
# port while the fleet is down.
_RANGE = range(20_000, 30_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(avoid: Collection[int] = (), prefer: int | None = None) -> int:
    """`prefer` where it is free, else a random free port that is not in `avoid`."""
    if prefer and prefer not in avoid and is_free(prefer):
        return prefer
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in avoid and is_free(port):
            return port
    raise LocalStackError("no port between 20000 and 30000 is free", advice="see what listens: ss -ltnp")


def owner(port: int) -> str:
    """Who listens on a port, for a message: `pid 123 (nginx)`, or `another process` where the system does not tell."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        listening = connection.status == psutil.CONN_LISTEN and connection.laddr
        if listening and listening[1] == port and connection.pid:
            return f"pid {connection.pid} ({_name(connection.pid)})"
    return "another process"


def _name(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "ended meanwhile"


def choose(
    names: Iterable[str],
    asked: Mapping[str, int],
    remembered: Mapping[str, int],
    preferred: Mapping[str, int],
    fixed: Collection[str],
) -> dict[str, int]:
    """A port for each name.

    `preferred` is tried first for a name that has none yet. Names in `fixed` are known to the outside: their asked or
    remembered port is used or LocalStackError raised; the others move to a free port silently.
    """
    chosen: dict[str, int] = {}
    for name in names:
        wanted = asked.get(name) or remembered.get(name)
        if wanted and (name in fixed or name in asked):
            _require_free(name, wanted)
            chosen[name] = wanted
        else:
            taken = {*chosen.values(), *asked.values(), *remembered.values()} - {wanted}
            chosen[name] = free_port(taken, wanted or preferred.get(name))
    return chosen


def _require_free(name: str, port: int) -> None:
    if not is_free(port):
        raise LocalStackError(
            f"port {port} for {name} is taken by {owner(port)}",
            advice=f"stop it, or choose another: cauce up --port {name}=PORT",
        )
