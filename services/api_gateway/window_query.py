"""Which window, and which of its rows, a request asks for: names are looked up in the declaration, values are read as
the types that it gives them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams

from services.api_gateway.problems import Problem
from services.api_gateway.window_store import Row, Value
from shared.contracts.base import format_instant
from shared.streams.declaration import Stream, Type, Window
from shared.streams.verdict import LONG

_INSTANT = TypeAdapter(AwareDatetime)
_BOOLEANS = {"true": 1, "false": 0}


def window_of(stream: Stream, table: str | None, *, with_top: bool = False) -> Window:
    """The one that was asked for, or the only one there is. Raises Problem 404 and 422, naming those that there are."""
    windows = [window for window in stream.windows if window.top or not with_top]
    kind = "window table with a `top`" if with_top else "window table"
    if table is None:
        if len(windows) == 1:
            return windows[0]
        if not windows:
            raise Problem(404, "no_such_table", f"`{stream.name}` has no {kind}")
        raise Problem(422, "which_table", f"`{stream.name}` has several: say `table=`{_listed(windows)}")
    found = next((window for window in windows if window.table == table), None)
    if found is None:
        detail = f"`{stream.name}` has no {kind} `{table[:64]}`; it has: {_listed(windows) or 'none'}"
        raise Problem(404, "no_such_table", detail)
    return found


def _listed(windows: Collection[Window]) -> str:
    return " or ".join(f"`{window.table}`" for window in windows)


def filters(stream: Stream, window: Window, query: QueryParams, known: Collection[str]) -> dict[str, Value]:
    """The parameters that name a group column. Raises Problem 422 for what is neither that nor `known`."""
    return {
        name: value_of(name, text, _type(stream, window, name)) for name, text in query.items() if name not in known
    }


def _type(stream: Stream, window: Window, name: str) -> Type:
    if (template := window.group_by.get(name)) is None:
        columns = ", ".join(f"`{column}`" for column in window.group_by) or "none"
        detail = f"`{name[:64]}` is no parameter and no group column of `{window.table}` (those are: {columns})"
        raise Problem(422, "invalid_request", detail)
    return stream.type_of(template)


def value_of(name: str, text: str, kind: Type) -> Value:
    """Raises Problem 422 for a text that isn't of that type."""
    try:
        return _read(text, kind)
    except ValueError:
        raise Problem(422, "invalid_request", f"`{name}` must be of the type `{kind}`") from None


def _read(text: str, kind: Type) -> Value:
    match kind:
        case Type.INT | Type.LONG if (number := int(text)) in LONG:
            return number
        case Type.DOUBLE if math.isfinite(real := float(text)):
            return real
        case Type.BOOLEAN if text in _BOOLEANS:
            return _BOOLEANS[text]
        case Type.TIMESTAMP:
            return instant(text)
        case Type.STRING:
            return text
    raise ValueError(text)


def instant(text: str) -> datetime:
    """Raises ValueError for what is no ISO 8601 time with its zone."""
    try:
        return _INSTANT.validate_python(text).astimezone(UTC)
    except (ValidationError, OverflowError) as error:
        raise ValueError(str(error)) from None


def shown(stream: Stream, window: Window, row: Row) -> dict[str, Any]:
    """As JSON has it: times as ISO 8601 in UTC, booleans as such."""
    flags = {name for name, template in window.group_by.items() if stream.type_of(template) is Type.BOOLEAN}
    return {name: bool(value) if name in flags else _shown(value) for name, value in row.items()}


def _shown(value: Value) -> Any:
    return format_instant(value) if isinstance(value, datetime) else value


def json_of(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _shown(value) for name, value in document.items()}
