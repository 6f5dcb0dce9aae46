"""`processed.metrics.v1`: one row of a window table on its way to MySQL, or what is to be done with a whole table."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from shared.contracts.base import Event, Instant

Cell = str | int | float | None


class MetricRow(Event):
    """A row of `table`; the columns are the fields that don't begin with `_`. Of one key, the greatest version wins.

    The table's name is looked up in an allow-list and never reaches SQL by itself.

    With `control` it is no row: `truncate` ends all older epochs of the table. Their rows of windows that begin at
    `since` or later go (all of them, where it is null), and late ones are refused; older windows, which the raw topic
    doesn't hold any more, stay as they are.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
    __pydantic_extra__: dict[str, Cell]

    table: str = Field(alias="_table_name")
    epoch: int = Field(alias="_epoch", ge=1)
    control: Literal["truncate"] | None = Field(default=None, alias="_control")
    since: Instant | None = Field(default=None, alias="_since")

    @property
    def columns(self) -> dict[str, Cell]:
        return dict(self.__pydantic_extra__)
