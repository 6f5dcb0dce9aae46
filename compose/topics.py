"""`python -m compose.topics`: makes topics what is declared and puts streams in force, with what the services need."""

from __future__ import annotations

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay, wait_random_exponential

from shared.errors import Transient
from shared.kafka.client import Connection
from shared.kafka.declare import Action
from shared.runtime.service import run_once
from shared.settings import CommonSettings
from shared.streams.applying import Applied, apply
from shared.streams.loading import load_streams

PATIENCE_SECONDS = 60.0

log = structlog.get_logger()


async def declare(settings: CommonSettings) -> None:
    """Waits for a broker that is still starting. Raises Transient when the patience is over, Fatal where a topic can't
    become what is declared, or a declaration can't be used."""
    streams = load_streams(settings.streams_dir)
    connection = Connection(settings.kafka_bootstrap_servers, "init")
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Transient),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.2, max=3),
        before_sleep=_say_why,
        reraise=True,
    ):
        with attempt:
            _tell(await apply(connection, streams, settings.replication_factor))


def _tell(applied: Applied) -> None:
    changed = {action: [step.topic.name for step in applied.steps if step.action is action] for action in Action}
    log.info("topics are as declared", created=changed[Action.CREATE], configured=changed[Action.CONFIGURE])
    for name in applied.unadopted:
        log.error("another topic than the one in force: run `cauce topics adopt`", topic=name)
    log.info("streams are in force", new={record.stream: record.epoch for record in applied.records})


def _say_why(state: RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    log.warning("waiting for Kafka", error=str(error), attempt=state.attempt_number)


if __name__ == "__main__":
    run_once("topics", CommonSettings, declare)
