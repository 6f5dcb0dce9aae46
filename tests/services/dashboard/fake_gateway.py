"""A gateway that answers whatever a test puts into it: a real HTTP server on a free port of this machine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "a-key-of-this-test"
NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def process(service: str, retries: int = 0, problems: dict[str, str] | None = None) -> dict[str, Any]:
    counts = {"records_in": 10, "records_out": 9, "retries": retries, "dead_letters": 0}
    known = {"service": service, "instance": f"{service}@host:1:0f3c9a1e", "problems": problems or {}}
    return known | counts | {"started_at": NOON.isoformat(), "reported_at": NOON.isoformat()}


RATINGS: dict[str, Any] = {
    "name": "ratings",
    "description": "Films rated by users",
    "topic": "ratings",
    "fields": {"movieId": {"type": "int"}},
    "windows": [
        {
            "table": "rating_metrics_1m",
            "window_type": "tumbling_1min",
            "size_ms": 60000,
            "slide_ms": 60000,
            "group_by": [],
            "select": {"count": "count(*)", "avg_rating": "avg(rating)"},
            "count": "count",
            "top": None,
            "publish": "metrics",
        },
        {
            "table": "movie_metrics_1m",
            "window_type": "tumbling_1min",
            "size_ms": 60000,
            "slide_ms": 60000,
            "group_by": ["movieId"],
            "select": {"count": "count(*)", "avg_rating": "avg(rating)"},
            "count": "count",
            "top": {
                "view": "movie_metrics_1m_top10",
                "n": 10,
                "by": "count",
                "rank": "top_10",
                "within": [],
                "then": ["movieId"],
            },
            "publish": None,
        },
    ],
    "readings": None,
    "mode": "realtime",
}
AIR: dict[str, Any] = {
    "name": "sensors.air",
    "description": "Air quality, as sensors measure it",
    "topic": "sensors.air",
    "fields": {"sensor_id": {"type": "string"}},
    "windows": [
        {
            "table": "air_metrics_1m",
            "window_type": "tumbling_1min",
            "size_ms": 60000,
            "slide_ms": 60000,
            "group_by": ["sensor_id"],
            "select": {"count": "count(*)", "min": "min(value)", "max": "max(value)", "avg": "avg(value)"},
            "count": "count",
            "top": None,
            "publish": None,
        }
    ],
    "readings": "air_readings_clean",
    "mode": "realtime",
}


def minute(number: int) -> str:
    return (NOON + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")


def _windows(table: str, groups: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
    rows = [
        {"window_start": minute(m), "window_end": minute(m + 1), **group, **values, "count": 10 + m}
        for m in range(30, 0, -1)
        for group in groups
    ]
    return {"table": table, "rows": rows, "next": None}


def _stats() -> dict[str, Any]:
    return {
        "events_per_minute": [{"minute": minute(m), "events": 100 + m % 7 * 10} for m in range(60)],
        "distribution": {
            "field": "rating",
            "buckets": [{"from": n / 2, "to": n / 2 + 0.5, "count": 5 * n} for n in range(1, 10)],
        },
        "latency_ms": {"p50": 9.4, "p95": 18.2, "p99": 25.0, "samples": 500},
        "rejected": {"late": 3, "out_of_range": 2},
        "events_total": 12345,
    }


LETTER: dict[str, Any] = {
    "identity": "docproc/documents.raw/3/42",
    "state": "open",
    "failures": 2,
    "topic": "documents.raw",
    "service": "docproc",
    "code": "bug",
    "message": "it broke",
    "key": "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11",
    "first_failed_at": NOON.isoformat(),
    "failed_at": NOON.isoformat(),
    "recorded_at": NOON.isoformat(),
}


def _dead_letters() -> dict[str, Any]:
    kind = {"topic": "documents.raw", "code": "bug", "service": "docproc", "oldest": NOON.isoformat()}
    content = {"headers": {"ce_id": "1"}, "value": {"number": 1}, "value_text": None, "status_path": "/documents/d1"}
    return {
        "/dead-letters": {"dead_letters": [LETTER], "total": 1, "next_cursor": None},
        "/dead-letters/stats": {
            "kinds": [kind | {"open": 1, "unfinished": 0, "redriven": 3, "discarded": 2}],
            "unreadable": 0,
        },
        f"/dead-letters/{LETTER['identity']}": LETTER | content,
        "/dead-letters/redrive": {
            "redriven": [{"identity": LETTER["identity"], "position": "documents.raw-3-97"}],
            "advice": ["`cauce streams reset ratings` counts them"],
        },
        "/dead-letters/discard": {"left": [{"identity": LETTER["identity"], "why": "redriven already"}]},
    }


def answers() -> dict[str, Any]:
    """By path, or by path and table; a number instead of an answer is the status of a problem."""
    top = [{"window_start": minute(30), "top_10": n, "movieId": 100 + n, "count": 50 - n} for n in range(1, 11)]
    return _dead_letters() | {
        "/streams": {"streams": [RATINGS, AIR]},
        "/streams/ratings/stats": _stats(),
        "/streams/sensors.air/stats": _stats(),
        "/streams/ratings/windows?rating_metrics_1m": _windows("rating_metrics_1m", [{}], avg_rating=3.5),
        "/streams/ratings/windows?movie_metrics_1m": _windows(
            "movie_metrics_1m", [{"movieId": n} for n in range(20)], avg_rating=3.5
        ),
        "/streams/ratings/top?movie_metrics_1m": {
            "table": "movie_metrics_1m",
            "window_start": minute(30),
            "window_end": minute(31),
            "rows": [{**row, "avg_rating": 4.0} for row in top],
        },
        "/streams/sensors.air/windows?air_metrics_1m": _windows(
            "air_metrics_1m", [{"sensor_id": "a"}, {"sensor_id": "b"}], min=1.0, max=9.0, avg=4.5
        ),
        "/overview": {
            "by_state": {"complete": 41, "failed": 1},
            "in_flight_by_stage": {"docproc": 2, "embedding": 3},
            "completed_last_minute": 7,
            "failures": [
                {
                    "document_id": "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11",
                    "filename": "secret.pdf",
                    "code": "encrypted",
                    "message": "the PDF is protected by a password",
                    "at": minute(3),
                }
            ],
        },
        "/documents": {
            "documents": [
                {
                    "document_id": "0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11",
                    "filename": "report.pdf",
                    "state": "complete",
                    "stage": "db_writer",
                    "counts": {"pages": 3, "chunks": 17, "vectors": 17},
                    "received_at": minute(1),
                    "updated_at": minute(2),
                }
            ],
            "next_cursor": None,
        },
        "/fleet": {
            "lag": [
                {"group": "docproc", "topic": "documents.raw", "records": 4},
                {"group": "db_writer", "topic": "processed.metrics.v1", "records": 0},
            ],
            "dead_letters": [
                {"topic": "ratings.dlq", "records": 5, "last_at": minute(9), "codes": {"late": 3, "out_of_range": 2}},
                {"topic": "documents.raw.dlq", "records": 0, "last_at": None, "codes": {}},
            ],
            "processes": [
                process("db_writer", retries=7, problems={"mysql": "no answer within 2 s"}),
                process("docproc"),
            ],
            "ledger": [ledger_line("docproc", "documents.raw", read=6, done=4)],
        },
    }


def ledger_line(group: str, topic: str, *, read: int, done: int) -> dict[str, Any]:
    names = ("folded", "superseded", "skipped", "dead_lettered", "returned", "held")
    others = dict.fromkeys(names, 0)
    return {"group": group, "topic": topic, "read": read, "done": done, **others, "imbalance": read - done}


class FakeGateway:
    """`answers` may be changed at any time; `stop` and `start` keep the port."""

    def __init__(self) -> None:
        self.answers = answers()
        self.asked: list[str] = []
        self.told: list[tuple[str, Any]] = []
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def set_events(self, stream: str, events: int) -> None:
        """Of the running minute."""
        self.answers[f"/streams/{stream}/stats"]["events_per_minute"][-1]["events"] = events

    def answer_to(self, target: str, authorization: str | None) -> tuple[int, Any]:
        self.asked.append(target)
        if authorization != f"Bearer {KEY}":
            return 401, {"detail": "no such key"}
        split = urlsplit(target)
        table = parse_qs(split.query).get("table")
        answer = self.answers.get(f"{split.path}?{table[0]}" if table else split.path, 404)
        return (answer, {"detail": "not in this test"}) if isinstance(answer, int) else (200, answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, answer = gateway.answer_to(self.path, self.headers["Authorization"])
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gateway.told.append((self.path, order))
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet."""

        return Handler
