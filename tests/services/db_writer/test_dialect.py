from __future__ import annotations

import pytest

from services.db_writer.dialect import knows_row_alias, text_collation
from shared.errors import Fatal


@pytest.mark.parametrize(
    ("server", "row_alias", "collation"),
    [
        ("8.4.3", True, "utf8mb4_0900_bin"),
        ("8.0.19", True, "utf8mb4_0900_bin"),
        ("8.0.18", False, "utf8mb4_0900_bin"),
        ("8.0.17-8", False, "utf8mb4_0900_bin"),
        ("9.1.0", True, "utf8mb4_0900_bin"),
        ("11.4.5-MariaDB", False, "utf8mb4_nopad_bin"),
        ("5.5.5-10.6.12-MariaDB-log", False, "utf8mb4_nopad_bin"),
    ],
)
def test_the_server_decides_the_text(server: str, row_alias: bool, collation: str) -> None:
    """MySQL since 8.0.19 knows the row alias, MariaDB doesn't, whatever its number; each has its own collation."""
    assert knows_row_alias(server) is row_alias
    assert text_collation(server) == collation


@pytest.mark.parametrize("server", ["8.0.16", "5.7.44-log", ""])
def test_an_old_mysql_is_refused(server: str) -> None:
    """It would take texts for one that the topics keep apart."""
    assert not knows_row_alias(server)
    with pytest.raises(Fatal, match=r"MySQL 8\.0\.17 or newer, or MariaDB, is needed"):
        text_collation(server)
