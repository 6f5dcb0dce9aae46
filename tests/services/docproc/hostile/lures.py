"""What no document may reach: an address that listens, and a file with a secret in it."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SECRET = "canary-7f0c2a43-of-the-host"


@cache
def listener() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    return server


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lures-")


@cache
def secret_file() -> str:
    """The path of a file that holds SECRET."""
    path = Path(_folder().name) / "secret.txt"
    path.write_text(SECRET)
    return str(path)


@cache
def address() -> str:
    """As `127.0.0.1:port`."""
    return f"127.0.0.1:{listener().getsockname()[1]}"


def url() -> str:
    return f"http://{address()}/lure"


def visitors() -> int:
    """How many have connected since this was last asked."""
    count = 0
    while True:
        try:
            connection, _ = listener().accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


@contextmanager
def a_visit() -> Iterator[None]:
    host, port = address().split(":")
    with socket.create_connection((host, int(port))):
        yield


def close() -> None:
    if listener.cache_info().currsize:
        listener().close()
    if _folder.cache_info().currsize:
        _folder().cleanup()
    for each in (listener, _folder, secret_file, address):
        each.cache_clear()
