"""The compose files as an engine sees them: merged, with variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "compose"
BASE, MYSQL, TEST = "compose.yaml", "compose.mysql.yaml", "compose.test.yaml"

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})")
_REPLACED = {"command", "entrypoint", "test"}


class _Loader(yaml.SafeLoader):
    """Knows `!override`, which both engines have."""


def _list(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


_Loader.add_constructor("!override", _list)


def load(*names: str, **variables: str) -> dict[str, Any]:
    """Raises KeyError with its message for a required variable that is not among `variables`."""
    merged: dict[str, Any] = {}
    for name in names:
        merged = _merge(merged, yaml.load((FOLDER / name).read_text(), _Loader))
    filled: dict[str, Any] = _fill({key: value for key, value in merged.items() if key[:2] != "x-"}, variables)
    return filled


def _merge(below: Any, above: Any, key: str = "") -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        both = {name: _merge(below[name], above[name], name) for name in below.keys() & above.keys()}
        return {**below, **above, **both}
    if key == "volumes":
        return list({volume.split(":")[1]: volume for volume in [*below, *above]}.values())
    return below + above if isinstance(below, list) and key not in _REPLACED else above


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _fill(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, variables) for inner in value]
    return _VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, text = match.groups()
    if name is None:
        return "$"
    if kind == "?" and not variables.get(name):
        raise KeyError(text)
    return variables.get(name) or text or ""
