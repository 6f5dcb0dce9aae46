from __future__ import annotations

from shared.ddl import MYSQL_TEXT, add_column, create_table, create_view, statements, widen_column
from shared.tables import Column, TopView, WindowTable

LABEL = Column("label", "VARCHAR(5) NOT NULL")
NAME = Column("name", "BIGINT NOT NULL")
WINDOW = (Column("window_start", "DATETIME(3) NOT NULL"), Column("window_end", "DATETIME(3) NOT NULL"))
TOP = TopView("t_top", 3, "place", "n", ("name",), ("label",))
TABLE = WindowTable(
    "t", (*WINDOW, LABEL, NAME), (Column("n", "BIGINT NOT NULL"), Column("mean", "DOUBLE NULL")), "n", TOP
)


def test_a_table_has_its_columns_and_the_epoch() -> None:
    """The primary key is the declared key; the statement may be repeated; MySQL has a collation of its own."""
    assert create_table(TABLE) == (
        "CREATE TABLE IF NOT EXISTS `t` (\n"
        "  `window_start` DATETIME(3) NOT NULL,\n"
        "  `window_end` DATETIME(3) NOT NULL,\n"
        "  `label` VARCHAR(5) NOT NULL,\n"
        "  `name` BIGINT NOT NULL,\n"
        "  `n` BIGINT NOT NULL,\n"
        "  `mean` DOUBLE NULL,\n"
        "  `_epoch` BIGINT NOT NULL,\n"
        "  PRIMARY KEY (`window_start`, `window_end`, `label`, `name`)\n"
        ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
    )
    assert create_table(TABLE, MYSQL_TEXT) == create_table(TABLE).replace("utf8mb4_nopad_bin", "utf8mb4_0900_bin")


def test_a_view_ranks_within_its_window() -> None:
    """The columns are the table's without the epoch, then the rank; both servers read this text."""
    columns = "`window_start`, `window_end`, `label`, `name`, `n`, `mean`"
    assert create_view(TABLE, TOP) == (
        "CREATE OR REPLACE VIEW `t_top` AS\n"
        f"SELECT {columns}, `place`\n"
        "FROM (\n"
        f"  SELECT {columns},\n"
        "    ROW_NUMBER() OVER (PARTITION BY `window_start`, `window_end`, `label` "
        "ORDER BY `n` DESC, `name` ASC) AS `place`\n"
        "  FROM `t`\n"
        ") AS ranked\n"
        "WHERE `place` <= 3"
    )


def test_columns_are_added_and_widened() -> None:
    """Nothing else of the table is touched."""
    assert add_column(TABLE, TABLE.values[1]) == "ALTER TABLE `t` ADD COLUMN `mean` DOUBLE NULL"
    assert widen_column(TABLE, LABEL) == f"ALTER TABLE `t` MODIFY COLUMN `label` {LABEL.sql}"


def test_a_window_without_a_top_has_no_view() -> None:
    """All that an empty database needs is one statement then."""
    assert statements(TABLE) == (create_table(TABLE), create_view(TABLE, TOP))
    plain = WindowTable("t", TABLE.key, TABLE.values, "n")
    assert statements(plain) == (create_table(plain),)
