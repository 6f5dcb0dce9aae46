"""From a record's bytes to the event that its topic's contract describes; no bytes of anybody's may stop the loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from shared.contracts.base import Event
from shared.errors import Code, Permanent
from shared.kafka.records import Message, Record
from shared.topics import Topic


class Undecodable(Event):
    """Stands in for the event of a record that does not meet its contract."""

    reason: str


def decode(record: Record, topic: Topic) -> Event:
    """An undecodable record keeps its place in its lane, so that its dead letter is in order with its key."""
    contract = topic.contract or Event
    try:
        # As `model_validate_json` does, which takes a fifth longer to ask for it.
        event: Event = contract.__pydantic_validator__.validate_json(record.value or b"")
    except ValidationError as error:
        return Undecodable(reason=_explain(error, topic))
    except Exception as error:  # noqa: BLE001 whatever a validator forgot to refuse properly
        return Undecodable(reason=f"not a valid `{topic.name}` message: {error!r}")
    return event


def refuse_undecodable(batch: Iterable[Message[Any]]) -> None:
    """Raises Permanent(INVALID_MESSAGE) for the first one."""
    for message in batch:
        if isinstance(message.event, Undecodable):
            raise Permanent(Code.INVALID_MESSAGE, message.event.reason)


def _explain(error: ValidationError, topic: Topic) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"not a valid `{topic.name}` message: {place + ': ' if place else ''}{first['msg']}"
