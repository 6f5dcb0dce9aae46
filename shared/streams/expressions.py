"""The two small languages of a declaration: aggregates (`avg(rating)`) and templates (`S{season}`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_CALL = re.compile(r"([a-z_]+)\(\s*([^()]*?)\s*\)")
_FIELD = r"[A-Za-z][A-Za-z0-9_]{0,63}"
_HOLE = re.compile(r"\{(" + _FIELD + r")\}")


class Function(StrEnum):
    """What can be computed over the events of a window."""

    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A function and the fields it takes: none for `count(*)`, one or more for `count_distinct`, else one."""

    function: Function
    fields: tuple[str, ...] = ()

    @property
    def grows(self) -> bool:
        """Whether it never goes down while events come in: then it can order the versions of a row."""
        return self.function in (Function.COUNT, Function.COUNT_DISTINCT)


def parse_aggregate(text: str) -> Aggregate:
    """Raises ValueError that says what can be written."""
    found = _CALL.fullmatch(text.strip())
    if found is None or found[1] not in set(Function):
        raise ValueError(f"`{text}` is no aggregate: write one of {', '.join(f'`{f}(…)`' for f in Function)}")
    function = Function(found[1])
    if function is Function.COUNT:
        if found[2] != "*":
            raise ValueError("`count` counts events: write `count(*)`")
        return Aggregate(function)
    fields = tuple(part.strip() for part in found[2].split(","))
    if not all(re.fullmatch(_FIELD, field) for field in fields):
        raise ValueError(f"`{text}` must name a field: write `{function}(FIELD)`")
    if len(fields) > 1 and function is not Function.COUNT_DISTINCT:
        raise ValueError(f"`{function}` takes one field")
    return Aggregate(function, fields)


@dataclass(frozen=True, slots=True)
class Template:
    """Text and fields in turns: `parts` holds (is it a field?, the text or the field's name)."""

    parts: tuple[tuple[bool, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(text for is_field, text in self.parts if is_field)

    @property
    def alone(self) -> str | None:
        """The field that is all of the template: then the column has that field's type."""
        return self.fields[0] if len(self.parts) == 1 and self.fields else None


def parse_template(text: str) -> Template:
    """`S{season}` is the letter and a field; a text without braces is a constant. Raises ValueError."""
    parts: list[tuple[bool, str]] = []
    place = 0
    for hole in _HOLE.finditer(text):
        if hole.start() > place:
            parts.append((False, text[place : hole.start()]))
        parts.append((True, hole[1]))
        place = hole.end()
    if place < len(text):
        parts.append((False, text[place:]))
    if any(not is_field and ("{" in part or "}" in part) for is_field, part in parts):
        raise ValueError(f"`{text}` has a brace that names no field: write `S{{season}}`")
    if not any(is_field for is_field, _ in parts):
        raise ValueError(f"`{text}` names no field: write `{{{text or 'field'}}}`")
    return Template(tuple(parts))
