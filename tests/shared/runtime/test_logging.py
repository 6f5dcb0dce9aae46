"""What a line of the log may hold."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.runtime.logging import configure


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is written to the log, which is configured as in a service, and then as it was before."""
    root = logging.getLogger()
    handlers, level, quiet = root.handlers[:], root.level, structlog.get_config()
    configure("info", "json", "docproc")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written := io.StringIO())
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**quiet)
    structlog.contextvars.clear_contextvars()


def test_a_line_stays_a_line_of_bounded_length(lines: io.StringIO) -> None:
    """A megabyte of a file's name, or of an error's words, doesn't flood the log, and a line end in it forges none."""
    log = structlog.get_logger("test")
    log.warning("read with gaps", filename='x\n{"event":"forged"}' + "n" * 1_000_000, count=7)
    try:
        _ = {"a": 1}["v" * 1_000_000]
    except KeyError:
        log.exception("failed")
    logging.getLogger("library").error("said %s", "w" * 1_000_000)
    written = lines.getvalue().splitlines()
    assert [json.loads(line)["event"][:20] for line in written] == ["read with gaps", "failed", "said " + "w" * 15]
    assert json.loads(written[0])["count"] == 7
    assert max(map(len, written)) < 40_000
