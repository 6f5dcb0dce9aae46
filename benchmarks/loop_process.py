"""How a contender on asyncio runs: as Cauce's services do, on uvloop and with a collector that is seldom asked."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine

import uvloop


def run(main: Coroutine[None, None, None]) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
