"""The statements for window tables. Names come from the declarations alone; values are always parameters."""

from __future__ import annotations

from shared.tables import WindowTable

EPOCH = "_epoch"


def create_table(table: WindowTable) -> str:
    columns = [f"`{column.name}` {column.sql}" for column in table.columns]
    key = ", ".join(f"`{column.name}`" for column in table.key)
    body = ", ".join([*columns, f"`{EPOCH}` BIGINT NOT NULL", f"PRIMARY KEY ({key})"])
    return (
        f"CREATE TABLE IF NOT EXISTS `{table.name}` ({body}) "
        "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )


def upsert(table: WindowTable, rows: int, *, row_alias: bool) -> str:
    """One statement for all rows; the parameters of a row are its columns, then the epoch.

    A stored row is replaced by one whose (epoch, count) is greater or equal. Assignments run from left to right, each
    seeing those before it, so the count and the epoch, by which all of them decide, are assigned last. When the epoch's
    turn comes the old count is gone, and not needed: the greater epoch is right in every case.

    `row_alias` is MySQL's newer way to name the new row, which MariaDB doesn't know; MySQL deprecates the other.
    """
    names = [*(column.name for column in table.columns), EPOCH]
    row = f"({', '.join(['%s'] * len(names))})"
    into = f"INSERT INTO `{table.name}` ({', '.join(f'`{name}`' for name in names)})"
    values = f"VALUES {', '.join([row] * rows)}" + (" AS new" if row_alias else "")
    return f"{into} {values} ON DUPLICATE KEY UPDATE {_assignments(table, row_alias)}"


def _assignments(table: WindowTable, row_alias: bool) -> str:
    def new(name: str) -> str:
        return f"new.`{name}`" if row_alias else f"VALUES(`{name}`)"

    def old(name: str) -> str:
        return f"`{table.name}`.`{name}`"

    same_epoch = f"{new(EPOCH)} = {old(EPOCH)} AND {new(table.count)} >= {old(table.count)}"
    wins = f"{new(EPOCH)} > {old(EPOCH)} OR {same_epoch}"
    plain = [column.name for column in table.values if column.name != table.count]
    replaced = [f"`{name}` = IF({wins}, {new(name)}, {old(name)})" for name in (*plain, table.count)]
    return ", ".join([*replaced, f"`{EPOCH}` = GREATEST({new(EPOCH)}, {old(EPOCH)})"])
