"""Questions to a broker in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.kafka.memory import MemoryBroker
from shared.kafka.questions import Take
from shared.kafka.records import Partition


class MemoryQuestions:
    """Implements `shared.kafka.questions.Questions`; `asked` counts the questions."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.asked = 0

    async def ranges(self, topics: Sequence[str]) -> Mapping[Partition, range]:
        self._ask()
        return {place: range(len(log)) for place, log in self._broker.logs.items() if place.topic in topics}

    async def offsets_at(self, topic: str, times: Sequence[int]) -> Sequence[Mapping[Partition, int]]:
        self._ask()
        logs = {place: log for place, log in self._broker.logs.items() if place.topic == topic}
        return [
            {place: next((r.offset for r in log if r.timestamp >= time), len(log)) for place, log in logs.items()}
            for time in times
        ]

    async def read(self, ranges: Mapping[Partition, range], take: Take) -> None:
        self._ask()
        for place, wanted in ranges.items():
            for record in self._broker.logs[place][wanted.start : wanted.stop]:
                if not take([record]):
                    return

    def _ask(self) -> None:
        self._broker.check()
        self.asked += 1
