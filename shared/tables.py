"""Window tables in MySQL as values; `shared/streams/tables.py` makes them from the declarations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """`sql` is its MySQL type; a text has the collation of its table (see `ddl.create_table`)."""

    name: str
    sql: str

    @property
    def nullable(self) -> bool:
        return "NOT NULL" not in self.sql


@dataclass(frozen=True, slots=True)
class TopView:
    """The first `n` rows of each window, and of each value of `within` in it: `by` descending, then `then` ascending.

    `rank` is the column with the row number, from 1.
    """

    name: str
    n: int
    rank: str
    by: str
    then: tuple[str, ...]
    within: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WindowTable:
    """A table of window rows. Of two rows with one key, the greater (epoch, `count`) stays."""

    name: str
    key: tuple[Column, ...]
    values: tuple[Column, ...]
    count: str
    top: TopView | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.key + self.values
