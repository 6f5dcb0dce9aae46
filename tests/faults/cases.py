"""How any case runs: load with a known truth, the fault, quiet, and every invariant; then the world is mended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults.invariants import everything_holds
from tests.faults.load import Load
from tests.faults.results import Row, record
from tests.faults.seen import quiet
from tests.faults.truth import Size, Truth, new_truth
from tests.faults.watch import never_backwards
from tests.faults.world import SERVICES, World


@dataclass(frozen=True, slots=True)
class Act:
    """What a fault is given: the world, the case's truth, and its load, which the fault starts when it likes."""

    world: World
    truth: Truth
    load: Load

    async def settled(self) -> None:
        """Everything sent so far has come to its end."""
        await quiet(self.world, self.truth)


Cause = Callable[[Act], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table. `cause` sends the load, causes the fault, and ends it where it doesn't end by itself."""

    kind: str
    part: str
    fault: str
    expected: str
    cause: Cause
    quick: bool = False
    size: Size = field(default_factory=Size)
    quiet_seconds: float = 150

    @property
    def name(self) -> str:
        """Of a schedule the seed says it all."""
        return f"{self.kind}: {self.part}" + ("" if self.kind == "random schedule" else f": {self.fault}")


async def run(world: World, case: Case) -> None:
    truth = await new_truth(world)
    load = Load(world, truth, case.size)
    try:
        async with never_backwards(world, truth):
            await case.cause(Act(world, truth, load))
            await quiet(world, truth, case.quiet_seconds)
        seen = await everything_holds(world, truth)
    except Exception as error:
        _record(case, f"{type(error).__name__}: {str(error)[:300]}", held=False)
        world.end_all([name for name in SERVICES if world.alive(name)])  # one may have halted
        raise
    finally:
        await world.mend()
        await load.stop()
    _record(case, seen, held=True)


def _record(case: Case, seen: str, *, held: bool) -> None:
    record(Row(case.kind, case.part, case.fault, case.expected, seen, held))
