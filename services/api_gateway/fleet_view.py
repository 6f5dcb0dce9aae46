"""How the fleet is: how far behind, what it gave up, what its processes say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.api_gateway.dead_letter_counts import DeadLetterCounts, Letters
from services.api_gateway.recent import Recent
from services.api_gateway.reports_tail import ReportsTail
from services.api_gateway.topic_questions import TopicQuestions
from shared.contracts.fleet import ProcessReport
from shared.kafka.lag import Lag

FRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """`letters` by the names of the `.dlq` topics."""

    lag: Sequence[Lag]
    letters: Mapping[str, Letters]
    processes: Sequence[ProcessReport]


class FleetView:
    """Asks Kafka when it is asked, and not again within two seconds. Raises Transient where Kafka is away."""

    def __init__(
        self, questions: TopicQuestions, letters: DeadLetterCounts, dlq_topics: Sequence[str], reports: ReportsTail
    ) -> None:
        self._questions = questions
        self._letters = letters
        self._dlq_topics = dlq_topics
        self._reports = reports
        self._recent: Recent[Fleet] = Recent(FRESH_SECONDS)

    async def now(self) -> Fleet:
        return await self._recent.get("fleet", self._ask)

    async def _ask(self) -> Fleet:
        return Fleet(await self._questions.lag(), await self._letters.of(self._dlq_topics), self._reports.now())
