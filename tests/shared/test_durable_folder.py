"""What is on the disk when a writer of the object store is left; seen from within, and from outside by strace."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.durable_folder import DurableFolder, sync_folder
from shared.errors import Transient
from shared.objects import PIECE, Objects
from tests.syncs import fail_fsync, watch_fsync

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import asyncio, sys
from shared.errors import Transient
from shared.objects import Objects

async def main(folder, size):
    async with Objects(f"file://{folder}").writer("acme/one") as writer:
        await writer.write(b"x" * size)
    print("published", flush=True)

try:
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
except Transient as error:
    print(f"an outage: {error}", flush=True)
"""


def traced(trace: Path, folder: Path, size: int, *options: str) -> str:
    """What a process printed that wrote one object into `folder` under strace, whose lines go to `trace`."""
    strace = shutil.which("strace") or pytest.skip("strace is not here")
    if subprocess.run([strace, "-o", "/dev/null", "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    command = [strace, "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2,write", *options, "-o", str(trace)]
    script = [sys.executable, "-c", WRITER, str(folder), str(size)]
    return subprocess.run([*command, *script], check=True, capture_output=True, text=True, cwd=ROOT).stdout


@pytest.mark.parametrize("size", [10, 2 * PIECE + 1])
def test_the_kernel_was_asked_for_all_of_it_before_anything_is_said(tmp_path: Path, size: int) -> None:
    """A real process, seen by strace: the file gets its name, then it, its folder and the root are synced, and only
    then does the process go on; an object in one piece and one in several."""
    folder = tmp_path / "new" / "objects"
    assert traced(tmp_path / "trace", folder, size) == "published\n"
    steps = re.findall(
        r"(rename)\w*\(.*\"(/[^\"]+)\"\) = 0|(fsync)\(\d+<([^>]+)>\) += 0|write\(1<.*(published)",
        (tmp_path / "trace").read_text(),
    )
    assert ["".join(step) for step in steps] == [
        f"fsync{folder.parent}",
        f"fsync{tmp_path}",
        f"rename{folder}/acme/one",
        f"fsync{folder}/acme/one",
        f"fsync{folder}/acme",
        f"fsync{folder}",
        "published",
    ]


@pytest.mark.parametrize("code", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_disk_that_fails_at_the_end_is_an_outage(tmp_path: Path, code: str, when: int) -> None:
    """The kernel answers one of the three calls (file, folder, root) with an error: the writer raises Transient."""
    (tmp_path / "objects").mkdir()
    inject = ("-e", f"inject=fsync:error={code}:when={when}")
    said = traced(tmp_path / "trace", tmp_path / "objects", 10, *inject)
    assert said.startswith(f"an outage: object store: OSError: [Errno {getattr(errno, code)}]")


async def test_a_text_beside_its_original_is_as_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder on the way is synced, also one that was there before: another process may have made it just now."""
    synced: list[Path] = []
    objects = Objects(f"file://{tmp_path}")
    (tmp_path / "acme").mkdir()
    watch_fsync(monkeypatch, synced.append)
    async with objects.writer("acme/one.text/v1.txt") as writer:
        await writer.write(b"x")
    folder = tmp_path / "acme" / "one.text"
    assert synced == [folder / "v1.txt", folder, tmp_path / "acme", tmp_path]


async def test_an_interrupted_write_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who breaks off costs the disk nothing."""
    synced: list[Path] = []
    objects = Objects(f"file://{tmp_path}")
    watch_fsync(monkeypatch, synced.append)
    with pytest.raises(ConnectionResetError):
        async with objects.writer("acme/one"):
            raise ConnectionResetError
    assert synced == []


async def test_without_a_disk_that_syncs_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is Transient, as everything is that keeps the store from answering."""
    objects = Objects(f"file://{tmp_path}")
    fail_fsync(monkeypatch, errno.EIO)
    with pytest.raises(Transient, match="Input/output error"):
        async with objects.writer("acme/one") as writer:
            await writer.write(b"x")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the parents of what a start has made are synced: others may not be ours to open."""
    synced: list[Path] = []
    watch_fsync(monkeypatch, synced.append)
    DurableFolder(tmp_path)
    assert synced == []
    DurableFolder(tmp_path / "a" / "b")
    assert synced == [tmp_path / "a", tmp_path]


def test_a_file_system_without_a_sync_of_folders_is_used_as_it_is() -> None:
    """`/proc` answers EINVAL, as some network file systems do: that is no outage. A folder that is gone is an error."""
    sync_folder(Path("/proc"))
    with pytest.raises(FileNotFoundError):
        sync_folder(Path("/proc/nothing"))
