"""What a service's own answer makes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from compose.local.probes import http_probe
from compose.local.program import Unready


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """The address of a server that gives this answer to every question."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing is to be said of a test's own questions."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ready"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "anything", None),
        (503, '{"problems": {"a": "away", "b": "b: slow"}}', Unready("503: a: away; b: slow")),
        (503, '{"problems": {"a": "away", "b": "b: gone"}, "lasting": ["b"]}', Unready("b: gone", lasting=True)),
        (500, "no such thing", Unready("500: no such thing")),
        (502, "[]", Unready("502: []")),
    ],
)
async def test_an_answer_is_a_reason(status: int, body: str, expected: Unready | None) -> None:
    """All problems are named while waiting may help; where it won't, those that a person must end are, and no other.
    What isn't an answer of ours is shown as it is."""
    with answering(status, body) as url:
        assert await http_probe(url)() == expected
