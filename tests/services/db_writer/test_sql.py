from __future__ import annotations

from services.db_writer.sql import begin_epoch, upsert
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
    assert upsert(TABLE, ["(1)", "(2)"], row_alias=False) == (
        "INSERT INTO `t` (`k`, `n`, `mean`, `_epoch`) VALUES (1), (2) "
        "ON DUPLICATE KEY UPDATE "
        f"`mean` = IF({wins}, VALUES(`mean`), `t`.`mean`), "
        f"`n` = IF({wins}, VALUES(`n`), `t`.`n`), "
        "`_epoch` = GREATEST(VALUES(`_epoch`), `t`.`_epoch`)"
    )


def test_the_upsert_for_mysql() -> None:
    """The new row has an alias; nothing else differs."""
    wins = "new.`_epoch` > `t`.`_epoch` OR new.`_epoch` = `t`.`_epoch` AND new.`n` >= `t`.`n`"
    assert upsert(TABLE, ["(1)"], row_alias=True) == (
        "INSERT INTO `t` (`k`, `n`, `mean`, `_epoch`) VALUES (1) AS new "
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
