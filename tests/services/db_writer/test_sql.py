from __future__ import annotations

import pytest

from services.db_writer.mysql import connection_settings, knows_row_alias
from services.db_writer.sql import create_table, upsert
from shared.errors import Fatal
from shared.tables import Column, WindowTable

TABLE = WindowTable(
    name="t",
    key=(Column("k", "VARCHAR(5) NOT NULL"),),
    values=(Column("n", "BIGINT NOT NULL"), Column("mean", "DOUBLE")),
    count="n",
)


def test_the_upsert_for_mariadb() -> None:
    """The new row is named by VALUES; the count is assigned after the other values, the epoch last."""
    wins = "VALUES(`_epoch`) > `t`.`_epoch` OR VALUES(`_epoch`) = `t`.`_epoch` AND VALUES(`n`) >= `t`.`n`"
    assert upsert(TABLE, 2, row_alias=False) == (
        "INSERT INTO `t` (`k`, `n`, `mean`, `_epoch`) VALUES (%s, %s, %s, %s), (%s, %s, %s, %s) "
        "ON DUPLICATE KEY UPDATE "
        f"`mean` = IF({wins}, VALUES(`mean`), `t`.`mean`), "
        f"`n` = IF({wins}, VALUES(`n`), `t`.`n`), "
        "`_epoch` = GREATEST(VALUES(`_epoch`), `t`.`_epoch`)"
    )


def test_the_upsert_for_mysql() -> None:
    """The new row has an alias; nothing else differs."""
    wins = "new.`_epoch` > `t`.`_epoch` OR new.`_epoch` = `t`.`_epoch` AND new.`n` >= `t`.`n`"
    assert upsert(TABLE, 1, row_alias=True) == (
        "INSERT INTO `t` (`k`, `n`, `mean`, `_epoch`) VALUES (%s, %s, %s, %s) AS new "
        "ON DUPLICATE KEY UPDATE "
        f"`mean` = IF({wins}, new.`mean`, `t`.`mean`), "
        f"`n` = IF({wins}, new.`n`, `t`.`n`), "
        "`_epoch` = GREATEST(new.`_epoch`, `t`.`_epoch`)"
    )


def test_a_table_has_its_columns_and_the_epoch() -> None:
    """The primary key is the declared key; the statement may be repeated."""
    assert create_table(TABLE) == (
        "CREATE TABLE IF NOT EXISTS `t` (`k` VARCHAR(5) NOT NULL, `n` BIGINT NOT NULL, `mean` DOUBLE, "
        "`_epoch` BIGINT NOT NULL, PRIMARY KEY (`k`)) "
        "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("8.4.3", True),
        ("8.0.19", True),
        ("8.0.18", False),
        ("5.7.44-log", False),
        ("9.1.0", True),
        ("11.4.5-MariaDB", False),
        ("5.5.5-10.6.12-MariaDB-log", False),
        ("", False),
    ],
)
def test_the_server_decides_the_text(server: str, expected: bool) -> None:
    """MySQL since 8.0.19 knows the row alias, MariaDB doesn't, whatever its number."""
    assert knows_row_alias(server) is expected


def test_an_address_is_taken_apart() -> None:
    """User and password may be percent-encoded; the port is 3306 unless said."""
    settings = connection_settings("mysql://us%40er:p%2Fw@db.example/cauce")
    assert [settings[name] for name in ("host", "port", "user", "password", "db")] == [
        "db.example",
        3306,
        "us@er",
        "p/w",
        "cauce",
    ]


@pytest.mark.parametrize("url", ["postgres://u:secret@h/db", "mysql://u:secret@h", "mysql:///db", "secret"])
def test_a_wrong_address_is_explained_without_its_secret(url: str) -> None:
    """The process ends with the shape that is wanted."""
    with pytest.raises(Fatal, match="CAUCE_MYSQL_URL") as caught:
        connection_settings(url)
    assert "secret" not in str(caught.value)
