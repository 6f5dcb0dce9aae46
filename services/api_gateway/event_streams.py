"""How server-sent events are described."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_JSON = {"type": "string", "contentMediaType": "application/json"}
_EVENT = {"type": "object", "required": ["event", "data"], "properties": {"event": _TEXT, "data": _JSON, "id": _TEXT}}


def described(what: str) -> dict[int | str, dict[str, Any]]:
    """The answer, for OpenAPI: `itemSchema` is of each event."""
    return {200: {"description": what, "content": {"text/event-stream": {"itemSchema": _EVENT}}}}
