"""Become another program that ends when its parent does: `python -I -S child.py PARENT_PID PROGRAM ARGUMENT…`.

Run between fork and exec, as a program of its own, since a supervisor with threads cannot safely run Python there.
Imports nothing of Cauce, so that it costs a few milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGTERM rather than SIGKILL: stores close their files, services commit what is done.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was gone before the kernel knew that we care
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 there is to be no shell


if __name__ == "__main__":
    main()
