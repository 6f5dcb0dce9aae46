from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from shared.streams.loading import DEFAULT_FOLDER
from shared.streams.schema import schema
from tests.shared.streams.samples import declared

VALIDATOR = Draft202012Validator(json.loads(schema()))


def test_the_committed_schema_is_current() -> None:
    """Run `make docs` where this fails."""
    assert (DEFAULT_FOLDER / "schema.json").read_text() == schema()


def test_it_is_a_schema() -> None:
    """Editors can read it."""
    Draft202012Validator.check_schema(json.loads(schema()))


@pytest.mark.parametrize("path", sorted(DEFAULT_FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_an_editor_accepts_the_shipped_files(path: Path) -> None:
    """Nothing is underlined in them, and each names the schema."""
    text = path.read_text()
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"topic": "orders.in"},
        {"archive": True},
        {"archive": {"format": "json"}},
        {"windows.0.publish": "out"},
        {"windows.0.publish": {"topic": "out", "key": "customer"}},
        {"windows.0.group_by": {"label": "c-{customer}"}},
        {"event_time.lateness": "none"},
    ],
)
def test_an_editor_accepts_the_short_and_the_long_forms(changes: dict[str, Any]) -> None:
    """Whatever the loader takes."""
    assert [error.message for error in VALIDATOR.iter_errors(declared(**changes))] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "me"},
        {"fields.price.type": "dubble"},
        {"windows.0.size": "1 minute"},
        {"windows.0.publish": 5},
        {"name": "Orders"},
    ],
)
def test_an_editor_underlines_mistakes(changes: dict[str, Any]) -> None:
    """Unknown words, wrong types, wrong units."""
    assert not VALIDATOR.is_valid(declared(**changes))


def test_defaults_are_written_as_in_a_file() -> None:
    """An editor that inserts one inserts what the loader takes."""
    definitions = json.loads(schema())["$defs"]
    assert definitions["EventTime"]["properties"]["lateness"]["default"] == "30s"
    assert definitions["TopicDeclaration"]["properties"]["max_message_bytes"]["default"] == "1MiB"
