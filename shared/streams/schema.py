"""The JSON Schema of a declaration, for editors: `streams/schema.json`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared.streams.declaration import Stream
from shared.streams.units import format_duration, format_size

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """As the file holds it."""
    described = _tidied(Stream.model_json_schema(schema_generator=_Schema))
    return json.dumps({"$schema": DIALECT, **described, "title": "A declared stream"}, indent=2) + "\n"


class _Schema(GenerateJsonSchema):
    """Editors offer the defaults: they must be written as the file writes them."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def _tidied(node: Any) -> Any:
    """Without the titles that repeat the names, and with sizes as the file writes them."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _tidied(value) for name, value in node.items() if not _says_nothing(name, value)}
    if kept.get("type") == "string" and isinstance(kept.get("default"), int):
        kept["default"] = format_size(kept["default"])
    return kept


def _says_nothing(name: str, value: object) -> bool:
    return (name == "title" and isinstance(value, str)) or (name == "default" and value is None)
