"""What MySQL and MariaDB spell differently; which of them it is, is told by its version as the handshake gives it:
`8.4.3`, `11.4.5-MariaDB`, `5.5.5-10.6.12-MariaDB-log`."""

from __future__ import annotations

import re

from shared.ddl import MARIADB_TEXT, MYSQL_TEXT
from shared.errors import Fatal

ROW_ALIAS_SINCE = (8, 0, 19)
NO_PAD_SINCE = (8, 0, 17)


def knows_row_alias(server: str) -> bool:
    return not _is_mariadb(server) and _version(server) >= ROW_ALIAS_SINCE


def text_collation(server: str) -> str:
    """Under which two texts are one only where they are the same to the letter and the space. Raises Fatal where the
    server is too old to have one."""
    if _is_mariadb(server):
        return MARIADB_TEXT
    if _version(server) < NO_PAD_SINCE:
        needed = ".".join(map(str, NO_PAD_SINCE))
        raise Fatal(f"mysql: this server is {server}: MySQL {needed} or newer, or MariaDB, is needed")
    return MYSQL_TEXT


def _is_mariadb(server: str) -> bool:
    return "mariadb" in server.lower()


def _version(server: str) -> tuple[int, ...]:
    """Nothing where it isn't told, which is less than every version."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", server)
    return tuple(map(int, found.groups())) if found else ()
