"""The circuit by itself; how the loop uses it is in the loop's suite."""

from __future__ import annotations

import asyncio

from shared.errors import Transient
from shared.kafka.circuit import OPENS_AFTER, Circuit
from shared.kafka.retry import RetryPolicy
from tests.waiting import until

POLICY = RetryPolicy(first_wait=0.01, longest_wait=0.02)


def opened() -> Circuit:
    circuit = Circuit(POLICY)
    for _ in range(OPENS_AFTER):
        circuit.failed(Transient("away", retry_after=7))
    return circuit


async def test_one_failure_makes_nobody_wait() -> None:
    """A success between failures shows that the dependency is there."""
    circuit = Circuit(POLICY)
    for _ in range(3 * OPENS_AFTER):
        circuit.failed(Transient("this one"))
        assert circuit.reason is None
        circuit.succeeded()


async def test_the_prober_waits_as_long_as_it_was_asked_to() -> None:
    """The dependency's own Retry-After counts, where it is longer than the backoff."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with opened().turn(sleep):
        assert waits == [7]


async def test_everyone_goes_on_at_once_after_a_success() -> None:
    """Those who wait behind the prober neither sleep nor take turns once it has succeeded."""
    circuit, release = opened(), asyncio.Event()
    inside, sleeps = 0, 0

    async def sleep(_: float) -> None:
        nonlocal sleeps
        sleeps += 1

    async def work(number: int) -> None:
        nonlocal inside
        async with circuit.turn(sleep):
            inside += 1
            if number == 0:
                circuit.succeeded()
            else:
                await release.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(work(number))
        await until(lambda: inside == 5)
        release.set()
    assert sleeps == 1


async def test_probers_take_turns() -> None:
    """One that fails goes to the end of the queue, so that each in turn may find the dependency back."""
    circuit = opened()
    turns: list[int] = []

    async def sleep(_: float) -> None:
        await asyncio.sleep(0)

    async def work(number: int) -> None:
        for _ in range(2):
            async with circuit.turn(sleep):
                turns.append(number)
                circuit.failed(Transient("away"))

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(work(number))
    assert turns == [0, 1, 2, 0, 1, 2]
