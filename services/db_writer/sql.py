"""The statements for window rows and their epochs. Names come from the declarations alone; values are parameters, or
come as `literals.py` writes them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.ddl import EPOCH
from shared.tables import WindowTable

CREATE_EPOCHS = (
    "CREATE TABLE IF NOT EXISTS cauce_epochs (table_name VARCHAR(64) NOT NULL, epoch BIGINT NOT NULL, "
    "since DATETIME(3) NULL, PRIMARY KEY (table_name, epoch)) "
    "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
"""Which epochs of a table began when; epoch 0 of each is there from the start, so that there is something to lock."""
CREATE_PROGRESS = (
    "CREATE TABLE IF NOT EXISTS cauce_progress (group_name VARCHAR(64) NOT NULL, topic VARCHAR(249) NOT NULL, "
    "`partition` INT NOT NULL, topic_id CHAR(36) NOT NULL, position BIGINT NOT NULL, saved_at DATETIME(3) NOT NULL, "
    "PRIMARY KEY (group_name, topic, `partition`)) "
    "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)
"""How far a consumer group has put a partition into these tables (`shared.kafka.progress`)."""
BOOKMARKS = "SELECT topic, `partition`, topic_id, position, saved_at FROM cauce_progress WHERE group_name = %s"
FIRST_BOOKMARK = (
    "INSERT INTO cauce_progress (topic_id, position, saved_at, group_name, topic, `partition`) "
    "VALUES (%s, %s, %s, %s, %s, %s) ON DUPLICATE KEY UPDATE topic_id = topic_id"
)
NEXT_BOOKMARK = (
    "UPDATE cauce_progress SET topic_id = %s, position = %s, saved_at = %s "
    "WHERE group_name = %s AND topic = %s AND `partition` = %s AND topic_id = %s AND position = %s"
)
FIRST_EPOCH = (
    "INSERT INTO cauce_epochs (table_name, epoch, since) VALUES (%s, 0, NULL) ON DUPLICATE KEY UPDATE epoch = 0"
)
LONGEST_STATEMENT = "SELECT @@max_allowed_packet"
LOCK_EPOCHS = "SELECT epoch FROM cauce_epochs WHERE table_name = %s FOR UPDATE"
FAR_PAST = "1000-01-01"


def upsert(table: WindowTable, rows: Sequence[str], *, row_alias: bool) -> str:
    """One statement for all rows, each given as it stands among VALUES: its columns, then the epoch.

    A stored row is replaced by one whose (epoch, count) is greater or equal. Assignments run from left to right, each
    seeing those before it, so the count and the epoch, by which all of them decide, are assigned last. When the epoch's
    turn comes the old count is gone, and not needed: the greater epoch is right in every case.

    `row_alias` is MySQL's newer way to name the new row, which MariaDB doesn't know; MySQL deprecates the other.
    """
    names = [*(column.name for column in table.columns), EPOCH]
    into = f"INSERT INTO `{table.name}` ({', '.join(f'`{name}`' for name in names)})"
    values = f"VALUES {', '.join(rows)}" + (" AS new" if row_alias else "")
    return f"{into} {values} ON DUPLICATE KEY UPDATE {_assignments(table, row_alias)}"


def _assignments(table: WindowTable, row_alias: bool) -> str:
    def new(name: str) -> str:
        return _new(name, row_alias)

    def old(name: str) -> str:
        return f"`{table.name}`.`{name}`"

    same_epoch = f"{new(EPOCH)} = {old(EPOCH)} AND {new(table.count)} >= {old(table.count)}"
    wins = f"{new(EPOCH)} > {old(EPOCH)} OR {same_epoch}"
    plain = [column.name for column in table.values if column.name != table.count]
    replaced = [f"`{name}` = IF({wins}, {new(name)}, {old(name)})" for name in (*plain, table.count)]
    return ", ".join([*replaced, f"`{EPOCH}` = GREATEST({new(EPOCH)}, {old(EPOCH)})"])


def _new(name: str, row_alias: bool) -> str:
    return f"new.`{name}`" if row_alias else f"VALUES(`{name}`)"


def shared_epochs(tables: int) -> str:
    """Read and held until the end of the transaction: an epoch that begins meanwhile waits for it."""
    names = ", ".join(["%s"] * tables)
    return f"SELECT table_name, epoch, since FROM cauce_epochs WHERE table_name IN ({names}) LOCK IN SHARE MODE"  # noqa: S608


def any_row(table: WindowTable) -> str:
    return f"SELECT 1 FROM `{table.name}` LIMIT 1"  # noqa: S608


def greatest_epoch(table: WindowTable) -> str:
    """Parameter: table. That the table's cuts know, and that of the row of its newest window, which the primary key
    finds: the last row of it, for the least that is to be read."""
    return (
        f"SELECT COALESCE(MAX(epoch), 0) FROM (SELECT MAX(epoch) AS epoch FROM cauce_epochs WHERE table_name = %s "  # noqa: S608
        f"UNION ALL (SELECT `{EPOCH}` AS epoch FROM `{table.name}` ORDER BY window_start DESC LIMIT 1)) AS known"
    )


def begin_epoch(*, row_alias: bool) -> str:
    """Parameters: table, epoch, since. Of one epoch told twice, the one that covers more windows counts."""
    new, old = _new("since", row_alias), "cauce_epochs.since"
    return (
        f"INSERT INTO cauce_epochs (table_name, epoch, since) VALUES (%s, %s, %s){' AS new' if row_alias else ''} "  # noqa: S608
        f"ON DUPLICATE KEY UPDATE since = IF({old} IS NULL OR {new} IS NULL, NULL, LEAST({old}, {new}))"
    )


def oldest_outdated(table: WindowTable) -> str:
    """Parameters: epoch, the first window that matters."""
    return (
        f"SELECT window_start FROM `{table.name}` WHERE `{EPOCH}` < %s AND window_start >= %s "  # noqa: S608
        "ORDER BY window_start LIMIT 1"
    )


def delete_outdated(table: WindowTable) -> str:
    """Parameters: epoch, the first window that matters, how many rows at most. In the order of the primary key, as
    writers take their locks."""
    key = ", ".join(f"`{column.name}`" for column in table.key)
    outdated = f"`{EPOCH}` < %s AND window_start >= %s"
    return f"DELETE FROM `{table.name}` WHERE {outdated} ORDER BY {key} LIMIT %s"  # noqa: S608
