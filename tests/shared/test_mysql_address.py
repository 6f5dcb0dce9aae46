"""One reader of MySQL addresses, for services and commands."""

from __future__ import annotations

import pytest

from shared.errors import Fatal
from shared.mysql_address import MySqlAddress


def test_an_address_is_taken_apart() -> None:
    """User and password may be percent-encoded; the port is 3306 unless said."""
    address = MySqlAddress.parse("mysql://us%40er:p%2Fw@db.example/cauce")
    assert address.login == {"host": "db.example", "port": 3306, "user": "us@er", "password": "p/w"}
    assert address.database == "cauce"


@pytest.mark.parametrize("url", ["postgres://u:secret@h/db", "mysql://u:secret@h", "mysql:///db", "secret"])
def test_a_wrong_address_is_explained_without_its_secret(url: str) -> None:
    """The process ends with the shape that is wanted."""
    with pytest.raises(Fatal, match="CAUCE_MYSQL_URL") as caught:
        MySqlAddress.parse(url)
    assert "secret" not in str(caught.value)
