"""`processed.readings.v1`: one clean event of a declared stream, on its way to MongoDB."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ConfigDict, Field

from shared.contracts.base import Event, Instant

Scalar = bool | int | float | str | None


class Reading(Event):
    """A document of `collection`; its fields are those that don't begin with `_`.

    `position` is the raw record's (topic-partition-offset), `offset` its last part: of two readings with one id, which
    a declared id field allows, the one of the later event time stays, then that of the greater offset.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
    __pydantic_extra__: dict[str, Scalar]

    collection: str = Field(alias="_collection_name")
    id: str = Field(alias="_id", max_length=512)
    position: str = Field(alias="_position")
    offset: int = Field(alias="_offset", ge=0)
    event_time: Instant = Field(alias="_event_time")
    received_at: Instant = Field(alias="_received_at")
    """The raw record's own timestamp."""

    @property
    def fields(self) -> Mapping[str, Scalar]:
        return self.__pydantic_extra__
