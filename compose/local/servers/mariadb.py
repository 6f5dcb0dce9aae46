"""MariaDB, as an ordinary user, with one database and one user for Cauce."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from compose.local.cache import sealed_folder
from compose.local.errors import LocalStackError
from compose.local.ports import HOST
from compose.local.probes import mysql_probe
from compose.local.program import Kind, Program
from compose.local.provision import Tools

USER = "cauce"
DATABASE = "cauce"


def prepare(folder: Path, tools: Tools, password: str) -> None:
    """Create the system tables where this is the first start, and the statements that each start runs.

    Raises LocalStackError with the installer's last words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sealed_folder(folder / "data", lambda work: _install(work, tools))
    script = folder / "init.sql"
    script.touch(mode=0o600)
    script.write_text(init_sql(password))


def init_sql(password: str) -> str:
    """Idempotent, one statement a line, as `--init-file` wants it. The administrator gets a password too."""
    return (
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'%';\n"
        f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';\n"
    )


def _install(data: Path, tools: Tools) -> None:
    """The installer is a shell script that can't read paths with a space: it is given none, from beside `data`."""
    base = data.with_name(f"{data.name}-base")
    base.symlink_to(tools.mariadb.absolute())
    command = [
        f"./{base.name}/scripts/mariadb-install-db",
        "--no-defaults",
        f"--basedir=./{base.name}",
        f"--datadir=./{data.name}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        *_as_root(),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=data.parent)
    finally:
        base.unlink()
    if done.returncode:
        raise LocalStackError(f"MariaDB's tables cannot be created: {(done.stderr or done.stdout).strip()[-500:]}")


def program(folder: Path, tools: Tools, port: int, password: str, env: Mapping[str, str]) -> Program:
    return Program(
        name="mariadb",
        kind=Kind.SERVER,
        argv=[
            str(tools.mariadb / "bin" / "mariadbd"),
            "--no-defaults",
            f"--basedir={tools.mariadb}",
            f"--datadir={folder / 'data'}",
            f"--bind-address={HOST}",
            f"--port={port}",
            # Relative to the data folder: a socket's path may have 107 characters at most.
            "--socket=mariadb.sock",
            "--pid-file=mariadb.pid",
            f"--init-file={folder / 'init.sql'}",
            "--default-time-zone=+00:00",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_bin",
            "--max-connections=200",
            "--max-allowed-packet=64M",
            "--skip-name-resolve",
            "--skip-log-bin",
            *_as_root(),
        ],
        env=env,
        cwd=folder,
        port=port,
        probe=mysql_probe(port, USER, password, DATABASE),
    )


def _as_root() -> list[str]:
    """MariaDB refuses to run as root, as containers often do, unless root is named."""
    return ["--user=root"] if os.geteuid() == 0 else []
