"""The allow-list of MySQL tables that `processed.metrics.v1` may write: a message can never name one of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """`sql` is its MySQL type; text keys are `utf8mb4_bin`, since the default collation folds case and accents."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class WindowTable:
    """A table of window rows. Of two rows with one key, the greater (epoch, `count`) stays."""

    name: str
    key: tuple[Column, ...]
    values: tuple[Column, ...]
    count: str

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.key + self.values


_WINDOW = (Column("window_start", "DATETIME(3) NOT NULL"), Column("window_end", "DATETIME(3) NOT NULL"))
_COMPANY = Column("company_id", "VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL")

CHUNK_COUNTS_1M = WindowTable(
    name="chunk_counts_1m",
    key=(*_WINDOW, _COMPANY),
    values=(Column("chunk_count", "BIGINT NOT NULL"),),
    count="chunk_count",
)

TABLES = {table.name: table for table in (CHUNK_COUNTS_1M,)}
