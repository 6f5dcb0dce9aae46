"""What every event has in common: frozen, tolerant of fields it doesn't know, times in UTC to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, StringConstraints


def to_utc_milliseconds(moment: datetime) -> datetime:
    """In UTC and cut to whole milliseconds, which is what Kafka's own timestamps and both stores can hold."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC this lies outside the years 1 to 9999") from None
    beyond = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - beyond) if beyond else moment


def format_instant(moment: datetime) -> str:
    """As `2026-01-02T03:04:05.678Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[
    AwareDatetime,
    AfterValidator(to_utc_milliseconds),
    PlainSerializer(format_instant, return_type=str, when_used="json"),
]


_NAME = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
ObjectPath = Annotated[str, StringConstraints(pattern=rf"^{_NAME}(/{_NAME})+$")]
"""Of an object within the store, `company/upload`: nothing that a store could take for another place, or choke on."""


class Event(BaseModel):
    """A Kafka value. Readers ignore fields they don't know, so that a writer may add some before they are updated."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    def to_json(self) -> bytes:
        """The value. Asks pydantic's core itself: `model_dump_json` takes twice as long, and every record comes by."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True)


class Operation(StrEnum):
    """What is to be done with a document; it passes every hop in key order."""

    PUT = "put"
    DELETE = "delete"
