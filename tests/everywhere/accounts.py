"""Who runs the tests: a user made for it by root, and removed again; anybody else is that user already."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

MARK = "CAUCE_ELSEWHERE"
"""A variable of every process of a run, by which those are found that outlive it."""
_LITTERED = ("/tmp", "/var/tmp", "/dev/shm")
_SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Account:
    """`throw_away`: it is gone when the runs are over."""

    name: str
    uid: int
    gid: int
    throw_away: bool

    def popen(self) -> dict[str, Any]:
        """What subprocess.Popen takes to run something as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.throw_away else {}

    def owns(self, folder: Path) -> None:
        """From now on, with all that is in it."""
        if self.throw_away:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


@contextmanager
def ordinary() -> Iterator[Account]:
    """Raises CalledProcessError where root can't make a user here."""
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        yield Account(me.pw_name, me.pw_uid, me.pw_gid, throw_away=False)
        return
    name = f"cauce-{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--no-create-home", "--user-group", "--shell", "/bin/sh", name], check=True)
    try:
        made = pwd.getpwnam(name)
        account = Account(name, made.pw_uid, made.pw_gid, throw_away=True)
        try:
            yield account
        finally:
            end_processes(account, "")
            _remove_litter(account)
    finally:
        subprocess.run(["userdel", name], check=True)


def end_processes(account: Account, mark: str) -> list[str]:
    """Kills what outlives a run; the names of what had to be killed. What is ending anyway has ten seconds for it."""
    left = [process for process in psutil.process_iter() if _is_theirs(process, account, mark)]
    _, alive = psutil.wait_procs(left, timeout=_SECONDS_TO_END)
    named = []
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                named.append(f"{' '.join(process.cmdline())[:100]} ({process.pid})")
                process.kill()
    psutil.wait_procs(alive, timeout=_SECONDS_TO_END)
    return named


def _is_theirs(process: psutil.Process, account: Account, mark: str) -> bool:
    with contextlib.suppress(psutil.Error):
        if account.throw_away:
            return account.uid in process.uids()
        return bool(mark) and process.uids().real == account.uid and process.environ().get(MARK) == mark
    return False


def _remove_litter(account: Account) -> None:
    for folder in map(Path, _LITTERED):
        for path in folder.iterdir():
            if path.lstat().st_uid == account.uid:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
