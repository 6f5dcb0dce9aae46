"""`make docs`: what is made from the code: the page of settings, and the schema of declarations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from services.api_gateway.settings import GatewaySettings
from services.dashboard.settings import DashboardSettings
from services.db_writer.settings import DbWriterSettings
from services.docproc.settings import DocprocSettings
from services.embedding.settings import EmbeddingSettings
from services.ingest.settings import IngestSettings
from shared.settings import CommonSettings, variable
from shared.streams.loading import DEFAULT_FOLDER
from shared.streams.schema import schema
from streaming.settings import Settings as StreamingSettings

PAGE = Path(__file__).parent / "settings.md"
SCHEMA = DEFAULT_FOLDER / "schema.json"
HEAD = """# Settings

Every setting is an environment variable. A bad value ends the process at its start with a message that names it.
This page is made by `make docs` from the classes in each service's `settings.py`.
"""
CLASSES: tuple[tuple[str, type[BaseSettings]], ...] = (
    ("Every process", CommonSettings),
    ("api_gateway", GatewaySettings),
    ("dashboard", DashboardSettings),
    ("ingest", IngestSettings),
    ("docproc", DocprocSettings),
    ("embedding", EmbeddingSettings),
    ("db_writer", DbWriterSettings),
    ("streaming", StreamingSettings),
)


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(_section(title, settings) for title, settings in CLASSES)


def _section(title: str, settings: type[BaseSettings]) -> str:
    shared = set() if settings is CommonSettings else set(CommonSettings.model_fields)
    names = [name for name in settings.model_fields if name not in shared]
    rows = "".join(_row(settings, name) for name in names)
    return f"\n## {title}\n\n| variable | default | meaning |\n|---|---|---|\n{rows}"


def _row(settings: type[BaseSettings], name: str) -> str:
    field = settings.model_fields[name]
    meaning = " ".join(filter(None, [field.description, _choices(field.annotation)]))
    return f"| `{variable(settings, name)}` | {_default(field)} | {meaning} |\n"


def _choices(annotation: Any) -> str:
    values = getattr(annotation, "__args__", ())
    return "one of " + ", ".join(f"`{value}`" for value in values) if values and isinstance(values[0], str) else ""


def _default(field: Any) -> str:
    if field.is_required():
        return "must be set"
    if field.default_factory is not None or field.default in (PydanticUndefined, None, ()):
        return ""
    value = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    return f"`{value if isinstance(value, str) else json.dumps(value, default=str)}`"


if __name__ == "__main__":
    PAGE.write_text(page())
    SCHEMA.write_text(schema())
