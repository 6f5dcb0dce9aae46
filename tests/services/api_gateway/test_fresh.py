"""Looks that are shared by all who ask."""

from __future__ import annotations

import asyncio

import pytest

from services.api_gateway.fresh import Fresh
from shared.errors import Transient


class Outside:
    """Counts the looks that have begun; each ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = asyncio.Semaphore(0)
        self.fault: Exception | None = None

    async def look(self) -> None:
        self.begun += 1
        await self.let_go.acquire()
        if self.fault is not None:
            raise self.fault


async def turns() -> None:
    """Until every task has gone as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_asks_during_a_look_waits_for_the_next() -> None:
    """However many ask meanwhile, one more look serves them all; the one under way may have begun too early."""
    outside = Outside()
    fresh = Fresh(outside.look)
    first = asyncio.create_task(fresh.look())
    await turns()
    others = [asyncio.create_task(fresh.look()) for _ in range(100)]
    await turns()
    assert outside.begun == 1
    outside.let_go.release()
    await turns()
    assert first.done()
    assert outside.begun == 2
    assert not any(other.done() for other in others)
    outside.let_go.release()
    await asyncio.gather(*others)
    assert outside.begun == 2


async def test_who_gives_up_leaves_the_look_to_the_others() -> None:
    """A look isn't broken off with the call that had asked for it."""
    outside = Outside()
    fresh = Fresh(outside.look)
    first, other = (asyncio.create_task(fresh.look()) for _ in range(2))
    await turns()
    first.cancel()
    outside.let_go.release()
    await other
    assert outside.begun == 1
    assert first.cancelled()


async def test_a_look_that_fails_is_everybodys_and_the_next_is_not() -> None:
    """Each who waited hears why; who asks after that gets a look of his own."""
    outside = Outside()
    fresh = Fresh(outside.look)
    outside.fault = Transient("away")
    outside.let_go.release()
    answers = await asyncio.gather(fresh.look(), fresh.look(), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away", "away"]
    outside.fault = None
    outside.let_go.release()
    await fresh.look()
    assert outside.begun == 2


async def test_what_is_under_way_ends_with_its_owner() -> None:
    """A look that never ends doesn't keep the process."""
    outside = Outside()
    fresh = Fresh(outside.look)
    waiting = [asyncio.create_task(fresh.look())]
    await turns()
    waiting.append(asyncio.create_task(fresh.look()))
    await turns()
    await fresh.close()
    for task in waiting:
        with pytest.raises(asyncio.CancelledError):
            await task
