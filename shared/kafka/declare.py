"""Makes the cluster's topics what `shared/topics.py` declares, or says why it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from shared.errors import Fatal, Transient
from shared.kafka.client import KafkaAdmin, TopicOnBroker
from shared.topics import Topic


class Action(StrEnum):
    """What was done, or has to be done, about a topic."""

    CREATE = "create"
    CONFIGURE = "configure"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Step:
    """`differences` are settings by name, as (on the broker, declared)."""

    topic: Topic
    action: Action
    differences: dict[str, tuple[str | None, str]]


def plan(declared: Sequence[Topic], present: Mapping[str, TopicOnBroker], replication_factor: int) -> list[Step]:
    """Topics that nobody declared are left alone. Raises Fatal, naming both sides, for what must not change."""
    there = [(topic, present[topic.name]) for topic in declared if topic.name in present]
    refusals = [refusal for topic, now in there if (refusal := _refusal(topic, now, replication_factor))]
    if refusals:
        raise Fatal(
            "topics: these can't become what is declared:\n"
            + "\n".join(f"  {refusal}" for refusal in refusals)
            + "\nchange the declaration back, or make the topic anew and adopt it: `cauce topics adopt`"
        )
    return [_step(topic, present.get(topic.name), replication_factor) for topic in declared]


def _refusal(topic: Topic, now: TopicOnBroker, replication_factor: int) -> str | None:
    """Another partition count would move keys, and versions would not grow any more."""
    if now.partitions != topic.partitions:
        return f"`{topic.name}` is declared with {topic.partitions} partitions, the broker has {now.partitions}"
    if now.replication_factor != replication_factor:
        return (
            f"`{topic.name}` shall have replication factor {replication_factor} (CAUCE_REPLICATION_FACTOR), "
            f"the broker has {now.replication_factor}"
        )
    return None


def _step(topic: Topic, present: TopicOnBroker | None, replication_factor: int) -> Step:
    if present is None:
        return Step(topic, Action.CREATE, {})
    wanted = topic.config(replication_factor)
    differences = {
        name: (present.config.get(name), value) for name, value in wanted.items() if present.config.get(name) != value
    }
    return Step(topic, Action.CONFIGURE if differences else Action.KEEP, differences)


def differences(declared: Sequence[Topic], present: Mapping[str, TopicOnBroker], replication_factor: int) -> list[str]:
    """Everything in which the broker's topics are not what is declared, a line each."""
    lines = []
    for topic in declared:
        now = present.get(topic.name)
        refusal = now and _refusal(topic, now, replication_factor)
        lines += [refusal] if refusal else []
        step = _step(topic, now, replication_factor)
        lines += [f"`{topic.name}` is missing"] if step.action is Action.CREATE else []
        lines += [
            f"`{topic.name}`: {name} is declared as {wanted}, the broker has {found}"
            for name, (found, wanted) in step.differences.items()
        ]
    return lines


async def apply(admin: KafkaAdmin, declared: Sequence[Topic], replication_factor: int) -> list[Step]:
    """Creates what is missing, configures what differs; repeating it does nothing.

    Raises Fatal before anything is changed where a topic can't become what is declared, Transient where the cluster
    does not answer or has too few brokers.
    """
    steps = plan(declared, await admin.topics(), replication_factor)
    for step in steps:
        if step.action is Action.CREATE:
            await admin.create(step.topic, replication_factor)
        elif step.action is Action.CONFIGURE:
            await admin.configure(step.topic, replication_factor)
    await _until_known(admin, declared)
    return steps


async def _until_known(admin: KafkaAdmin, declared: Sequence[Topic]) -> None:
    """A topic just created takes a moment to be in every broker's metadata; who starts next relies on it."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Transient), wait=wait_fixed(0.1), stop=stop_after_delay(10), reraise=True
    ):
        with attempt:
            missing = {topic.name for topic in declared} - (await admin.topics()).keys()
            if missing:
                raise Transient(f"kafka: created, but not in the metadata yet: {', '.join(sorted(missing))}")
