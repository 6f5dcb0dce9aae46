from __future__ import annotations

import pytest

from services.db_writer.mysql import connection_settings
from services.db_writer.sql import begin_epoch, upsert
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


def test_an_epoch_told_twice_covers_the_more() -> None:
    """For both servers the earlier `since` stays, and none at all is the earliest."""
    update = "ON DUPLICATE KEY UPDATE since = IF(cauce_epochs.since IS NULL OR {0} IS NULL, NULL, LEAST({1}, {0}))"
    into = "INSERT INTO cauce_epochs (table_name, epoch, since) VALUES (%s, %s, %s)"
    assert begin_epoch(row_alias=False) == f"{into} {update.format('VALUES(`since`)', 'cauce_epochs.since')}"
    assert begin_epoch(row_alias=True) == f"{into} AS new {update.format('new.`since`', 'cauce_epochs.since')}"


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
