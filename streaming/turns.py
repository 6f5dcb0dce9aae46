"""When the archive's queries begin: after the streams' queries, for which somebody waits, and one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from streaming.progress import Pulse

LONGEST_WAIT_S = 120.0
QUIET_S = 20.0
APART_S = 5.0
_LOOK_EVERY_S = 0.5


class LastTurn:
    """`wait` returns for one caller at a time: `quiet_s` after all of `others` were ready, or after `longest_wait_s`
    where one of them isn't, and then every `apart_s`."""

    def __init__(
        self,
        others: Collection[Pulse],
        longest_wait_s: float = LONGEST_WAIT_S,
        quiet_s: float = QUIET_S,
        apart_s: float = APART_S,
    ) -> None:
        self._others = others
        self._longest_wait_s = longest_wait_s
        self._quiet_s = quiet_s
        self._apart_s = apart_s
        self._turn = asyncio.Lock()
        self._begun = False

    async def wait(self) -> None:
        async with self._turn:
            if self._begun:
                await asyncio.sleep(self._apart_s)
            else:
                await self._others_first()
                self._begun = True

    async def _others_first(self) -> None:
        deadline = time.monotonic() + self._longest_wait_s
        while not all(pulse.ready for pulse in self._others):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(self._quiet_s)
