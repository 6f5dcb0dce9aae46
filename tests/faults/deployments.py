"""A release that doesn't know what the others speak of."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.errors import Code
from tests.faults.cases import Act, Case
from tests.faults.seen import dead_letters, records_of
from tests.faults.truth import Letter, Size
from tests.waiting import until

RUN = 2
CODES = (Code.UNKNOWN_TABLE, Code.UNKNOWN_COLLECTION)
PARTITIONS = 3


def cases() -> list[Case]:
    return [
        Case(
            kind="deployment",
            part="db_writer",
            fault="it knows none of the declared tables and collections",
            expected=f"it halts after {RUN} dead letters of a partition; a redrive by the right one mends it all",
            cause=unknowing_writer,
            quick=True,
            size=Size(bad=False),
        )
    ]


async def unknowing_writer(act: Act) -> None:
    world, service = act.world, "db_writer"
    nothing_declared = world.layout.root / "no-streams"
    nothing_declared.mkdir(exist_ok=True)
    halts, begun = world.log(service).count("halted"), datetime.now(UTC).isoformat(timespec="milliseconds")
    await world.restart(service, {"CAUCE_STREAMS_DIR": str(nothing_declared), "CAUCE_DEAD_LETTER_RUN": str(RUN)})
    await act.load.send()
    await until(lambda: world.log(service).count("halted") >= halts + len(CODES), seconds=30)
    assert world.alive(service), "a halted process stays"
    for code in CODES:
        letters = await _letters(act, code)
        assert 0 < len(letters) <= RUN * PARTITIONS, letters
        act.truth.letters |= letters
    await world.restart(service)
    for code in CODES:
        world.run("cauce", "dlq", "redrive", "--code", code.value, "--since", begun)


async def _letters(act: Act, code: Code) -> set[Letter]:
    """Of this case: those of others, of another kind, are expected by them."""
    found = dead_letters(await records_of(act.world, act.truth))
    return {letter.letter for letter in found.values() if letter.code == code.value}
