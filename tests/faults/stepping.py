"""`python -m tests.faults.stepping MODULE`: a service whose clock steps when it is told: at SIGUSR1 an hour back, at
SIGUSR2 two hours ahead. The time that timeouts are measured by goes on as ever, as it does on a real machine."""

from __future__ import annotations

import runpy
import signal
import sys
from datetime import UTC, datetime, timedelta

import time_machine

STEPS = {signal.SIGUSR1: timedelta(hours=-1), signal.SIGUSR2: timedelta(hours=2)}


def main(module: str) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        for number, step in STEPS.items():
            signal.signal(number, lambda *_, step=step: clock.shift(step))
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1])
