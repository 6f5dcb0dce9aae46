"""From what MySQL has to what is declared: forwards only, and every step is recorded in `cauce_schema`.

Missing tables, columns and views are created, texts get longer, views follow their declaration. What would change the
meaning of rows that are there is refused: the key, a column's type, the column that is the count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from services.db_writer import sql
from shared.ddl import EPOCH, add_column, create_table, create_view, widen_column
from shared.errors import Fatal
from shared.tables import Column, WindowTable

log = structlog.get_logger()

WAY_OUT = (
    "give the window another `table` in the declaration (the old one stays for its readers), or change the declaration "
    "back"
)
CREATE_HISTORY = (
    "CREATE TABLE IF NOT EXISTS cauce_schema (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "applied_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), name VARCHAR(64) NOT NULL, "
    "`statement` TEXT NOT NULL, hash CHAR(64) NOT NULL) "
    "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
RECORD = "INSERT INTO cauce_schema (name, `statement`, hash) VALUES (%s, %s, %s)"
HISTORY = "SELECT name, hash FROM cauce_schema ORDER BY id"
TABLES = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE()"
COLUMNS = (
    "SELECT table_name, column_name, column_type, collation_name, is_nullable FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
)
KEYS = (
    "SELECT table_name, column_name FROM information_schema.statistics "
    "WHERE table_schema = DATABASE() AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index"
)


class Step(NamedTuple):
    """A statement, and the table or view that it creates or changes."""

    name: str
    statement: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.statement.encode()).hexdigest()


class Kind(NamedTuple):
    """A column's type in a form that declarations and both servers share: `bigint`, `varchar utf8mb4_nopad_bin`."""

    name: str
    length: int
    nullable: bool

    @classmethod
    def of(cls, text: str, collation: str | None, *, nullable: bool) -> Kind:
        """`bigint(20)` is MariaDB's word for MySQL's `bigint`; `datetime(3)` is a type of its own."""
        kind, length = re.match(r"([a-z ]+)(?:\((\d+)\))?", text.lower()).groups()  # type: ignore[union-attr]
        if kind == "datetime":
            return cls(text.lower(), 0, nullable)
        longest = int(length) if kind == "varchar" else 0
        return cls(" ".join(filter(None, (kind, collation))), longest, nullable)


@dataclass
class Found:
    """A table or view as the server describes it; columns by their names in lower case, which is how it compares."""

    is_view: bool = False
    columns: dict[str, Kind] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)

    @property
    def counts(self) -> list[str]:
        """The columns that are the count: of the values, that alone may not be null."""
        others = {*self.key, EPOCH}
        return [name for name, kind in self.columns.items() if name not in others and not kind.nullable]


async def apply(cursor: Any, tables: Sequence[WindowTable], collation: str) -> None:
    """On a cursor whose session holds the lock of the schema; `collation` is that of texts. Raises Fatal, with nothing
    changed, where something must not change."""
    for statement in (CREATE_HISTORY, sql.CREATE_EPOCHS, sql.CREATE_PROGRESS):
        await cursor.execute(statement)
    await cursor.execute(HISTORY)
    applied = dict(await cursor.fetchall())
    steps = plan(tables, await _found(cursor), applied, collation)
    for step in steps:
        await cursor.execute(step.statement)
        await cursor.execute(RECORD, [step.name, step.statement, step.hash])
        log.info("schema changed", name=step.name, statement=step.statement)
    for table in tables:
        await cursor.execute(sql.FIRST_EPOCH, [table.name])


async def _found(cursor: Any) -> dict[str, Found]:
    found: dict[str, Found] = {}
    await cursor.execute(TABLES)
    for name, kind in await cursor.fetchall():
        found[name] = Found(is_view="VIEW" in kind)
    await cursor.execute(COLUMNS)
    for name, column, kind, collation, nullable in await cursor.fetchall():
        found[name].columns[column.lower()] = Kind.of(kind, collation, nullable=nullable == "YES")
    await cursor.execute(KEYS)
    for name, column in await cursor.fetchall():
        found[name].key.append(column.lower())
    return found


def plan(
    tables: Iterable[WindowTable], found: Mapping[str, Found], applied: Mapping[str, str], collation: str
) -> list[Step]:
    """What is to be done; `applied` has the hash of the last statement of each name. Raises Fatal with all refusals."""
    steps: list[Step] = []
    problems: list[str] = []
    for table in tables:
        refused = _refusals(table, found, collation)
        problems += refused
        if not refused:
            steps += [*_table_steps(table, found.get(table.name), collation), *_view_steps(table, found, applied)]
    if problems:
        lines = "\n".join(f"  {line}" for line in problems)
        raise Fatal(f"mysql: these tables can't become what is declared:\n{lines}\n{WAY_OUT}")
    return steps


def _table_steps(table: WindowTable, known: Found | None, collation: str) -> list[Step]:
    if known is None:
        return [Step(table.name, create_table(table, collation))]
    missing = [column for column in table.values if column.name.lower() not in known.columns]
    return [
        Step(table.name, widen_column(table, column)) for column in table.key if _is_longer(column, known, collation)
    ] + [Step(table.name, add_column(table, column)) for column in missing]


def _is_longer(column: Column, known: Found, collation: str) -> bool:
    return _declared(column, collation).length > known.columns[column.name.lower()].length


def _view_steps(table: WindowTable, found: Mapping[str, Found], applied: Mapping[str, str]) -> list[Step]:
    """The server tells a view's text in words of its own, so what was applied last is looked up in the records."""
    if table.top is None:
        return []
    step = Step(table.top.name, create_view(table, table.top))
    return [] if step.name in found and applied.get(step.name) == step.hash else [step]


def _refusals(table: WindowTable, found: Mapping[str, Found], collation: str) -> list[str]:
    """What must not change, in sentences that name both sides."""
    said = []
    if table.top and table.top.name in found and not found[table.top.name].is_view:
        said.append(f"`{table.top.name}` is a table in MySQL and a view in the declaration")
    known = found.get(table.name)
    if known is None:
        return said
    if known.is_view:
        return [*said, f"`{table.name}` is a view in MySQL and a table in the declaration"]
    return [*said, *_of_key(table, known), *_of_types(table, known, collation), *_of_count(table, known)]


def _of_key(table: WindowTable, known: Found) -> list[str]:
    if EPOCH not in known.columns:
        return [f"`{table.name}` has no column `{EPOCH}` in MySQL: it isn't a table of windows"]
    declared = [column.name.lower() for column in table.key]
    if declared == known.key:
        return []
    return [f"`{table.name}`: the key is {_list(known.key)} in MySQL and {_list(declared)} in the declaration"]


def _of_types(table: WindowTable, known: Found, collation: str) -> list[str]:
    """Length and null apart: texts may become longer, and whether null is allowed follows from the count."""
    trios = [(c.name, known.columns.get(c.name.lower()), _declared(c, collation)) for c in table.columns]
    return [
        f"`{table.name}`.`{name}` is `{kind.name}` in MySQL and `{declared.name}` in the declaration"
        for name, kind, declared in trios
        if kind is not None and kind.name != declared.name
    ]


def _of_count(table: WindowTable, known: Found) -> list[str]:
    if known.counts == [table.count.lower()] or EPOCH not in known.columns:
        return []
    rule = "orders the versions of a row and is the first `count` of `select`"
    sides = f"{_list(known.counts)} in MySQL and `{table.count}` in the declaration"
    return [f"`{table.name}`: the column that {rule} is {sides}"]


def _declared(column: Column, collation: str) -> Kind:
    is_text = column.sql.startswith("VARCHAR")
    return Kind.of(column.sql.split(" ")[0], collation if is_text else None, nullable=column.nullable)


def _list(names: Iterable[str]) -> str:
    return "(" + ", ".join(f"`{name}`" for name in names) + ")"
