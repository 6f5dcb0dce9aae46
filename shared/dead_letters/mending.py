"""What is changed about a record before it goes back: nothing, a JSON merge patch, or whatever a function says."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.dead_letters.letters import Opened, parsed
from shared.errors import CauceError

FUNCTION = "transform"
Mend = Callable[[Opened], bytes | None]
"""The value to send. Raises Unmendable for a letter that shall stay where it is."""


class Unmendable(CauceError):
    """Why a letter can't be redriven, or shall not be."""


class BadTransform(CauceError):
    """The file of a transformation can't be used."""


def unchanged(letter: Opened) -> bytes | None:
    """The original bytes."""
    return letter.value


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: objects are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def patching(patch: dict[str, Any]) -> Mend:
    """A patch of the values that are JSON objects; others stay where they are."""

    def mend(letter: Opened) -> bytes | None:
        if not isinstance(letter.document, dict):
            raise Unmendable("its value is no JSON object, so it can't be patched")
        try:
            return encoded(merge_patch(letter.document, patch))
        except RecursionError:
            raise Unmendable("its value, once patched, would be nested too deeply") from None

    return mend


def load(file: Path) -> Mend:
    """The function `transform(value, headers)` of a file of Python. Raises BadTransform, or whatever the file does.

    `value` is what the JSON says, or the bytes where they are none; `headers` maps names to bytes. What it returns
    becomes the value: bytes and texts as they are, anything else as JSON. With None the letter stays where it is.
    """
    try:
        function = runpy.run_path(str(file)).get(FUNCTION)
    except (OSError, SyntaxError) as error:
        raise BadTransform(f"`{file}` can't be run: {error}") from error
    if not callable(function):
        raise BadTransform(f"`{file}` has no function `{FUNCTION}(value, headers)`")
    return transforming(function)


def transforming(function: Callable[[Any, dict[str, bytes]], Any]) -> Mend:
    """What it raises goes on to whoever wrote it: nothing of that batch is redriven then."""

    def mend(letter: Opened) -> bytes | None:
        document = parsed(letter.value)
        result = function(letter.value if document is None else document, dict(letter.headers))
        if result is None:
            raise Unmendable(f"`{FUNCTION}` returned None for it")
        return _bytes(result)

    return mend


def _bytes(result: Any) -> bytes:
    if isinstance(result, str):
        return result.encode()
    return result if isinstance(result, bytes) else encoded(result)


def encoded(value: Any) -> bytes:
    """Raises Unmendable for what JSON can't say, or UTF-8."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise Unmendable(f"the new value can't be written as JSON: {str(error)[:200]}") from None
