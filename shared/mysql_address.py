"""The address of a MySQL database, as every setting and command writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.errors import Fatal


@dataclass(frozen=True, slots=True)
class MySqlAddress:
    """Where a database is, and `login` as MySQL's Python clients name its parts: host, port, user and password."""

    login: dict[str, Any]
    database: str

    @classmethod
    def parse(cls, url: str) -> MySqlAddress:
        """Of `mysql://user:password@host:port/database`, each part percent-encoded where it must be.

        Raises Fatal; the message never shows the address, which holds a password.
        """
        parts = urlsplit(url)
        database = unquote(parts.path.strip("/"))
        if parts.scheme != "mysql" or not parts.hostname or not database:
            raise Fatal("`CAUCE_MYSQL_URL` must look like `mysql://user:password@host:port/database`")
        login = {
            "host": parts.hostname,
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
        }
        return cls(login, database)
