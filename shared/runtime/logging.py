"""Structured logs to standard output, one JSON object a line (or colours for a person)."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

QUIET = {"aiokafka": logging.CRITICAL, "uvicorn": logging.WARNING, "httpx": logging.WARNING, "pymongo": logging.WARNING}
"""aiokafka says dozens of times a second that a broker is away; the loop says it once per attempt, as an outage."""


_LONGEST = 16_000
"""Characters of one value in a line: what somebody sent may be in it, as a file's name or an error's words."""


def shortened(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """The line with its long texts cut."""
    return {
        name: f"{value[:_LONGEST]} …" if isinstance(value, str) and len(value) > _LONGEST else value
        for name, value in line.items()
    }


def configure(level: str, fmt: str, service: str) -> None:
    """Also for libraries that use `logging`. Every line carries `service`, and what `structlog.contextvars` hold."""
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, shortened, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if fmt == "json"
        else [
            shortened,
            structlog.dev.ConsoleRenderer(sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    structlog.contextvars.bind_contextvars(service=service)
