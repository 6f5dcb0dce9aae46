"""The fence around a parsing process, each time in a process of its own, since it can't be taken down."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path
from services.docproc.fence import Fence
fence = Fence()
fence.put_up(memory_bytes=2**30, file_bytes=1_000_000)
fence.enter(Path({folder!r}))
try:
{attempt}
except Exception as error:
    print(type(error).__name__, error)
else:
    print("done")
"""


def attempt(code: str, folder: Path) -> str:
    """What came of it within the fence: `done`, or the error."""
    program = PROGRAM.format(folder=str(folder), attempt=textwrap.indent(textwrap.dedent(code), "    "))
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "import socket; socket.create_server(('127.0.0.1', 0))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "open('../outside.txt', 'w')",
        "import os; os.open('/tmp', os.O_RDONLY)",
        "import os; os.symlink('/etc/passwd', 'link')",
        "from lxml import etree; open(etree.__file__, 'r+b')",
    ],
)
def test_what_leads_outside_is_refused(code: str, tmp_path: Path) -> None:
    """No address, no program, no file but the document's own."""
    assert "a parser may not" in attempt(code, tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "open('document').read()",
        "open('other', 'w').write('x')",
        "import tempfile; tempfile.TemporaryFile().write(b'x')",
        "b'x'.decode('koi8-r')",
        "import wave, plistlib",
        "import os; os.urandom(8); open(os.devnull, 'w').write('x')",
    ],
)
def test_what_parsers_need_is_allowed(code: str, tmp_path: Path) -> None:
    """The document's folder, libraries that are loaded late, and what every program has."""
    (tmp_path / "document").write_text("x")
    assert attempt(f"import os; os.chdir({str(tmp_path)!r})\n{code}", tmp_path) == "done"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """The place counts to which a name leads."""
    (tmp_path / "document").symlink_to("/etc/passwd")
    assert "a parser may not" in attempt(f"open({str(tmp_path / 'document')!r})", tmp_path)


def test_files_may_not_grow_beyond_their_cap(tmp_path: Path) -> None:
    """So that the disk stays as empty as it was."""
    told = attempt(f"open({str(tmp_path / 'much')!r}, 'wb').write(bytes(2_000_000))", tmp_path)
    assert told == "OSError [Errno 27] File too large"
    assert (tmp_path / "much").stat().st_size <= 1_000_000


def test_open_files_are_counted(tmp_path: Path) -> None:
    """A document can't use up the descriptors of the machine."""
    assert "Too many open files" in attempt("import os\nkept = [os.dup(0) for _ in range(1_000)]", tmp_path)


def test_memory_is_capped(tmp_path: Path) -> None:
    """By the kernel, so that no library can help itself to more."""
    assert attempt("bytearray(2**31)", tmp_path) == "MemoryError"
