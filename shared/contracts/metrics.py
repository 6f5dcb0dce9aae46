"""`processed.metrics.v1`: one row of a window table, on its way to MySQL."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from shared.contracts.base import Event

Cell = str | int | float | None


class MetricRow(Event):
    """A row of `table`; the columns are the fields that don't begin with `_`. Of one key, the greatest version wins.

    The table's name is looked up in an allow-list (shared/tables.py) and never reaches SQL by itself.
    """

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
    __pydantic_extra__: dict[str, Cell]

    table: str = Field(alias="_table_name")
    epoch: int = Field(alias="_epoch", ge=1)

    @property
    def columns(self) -> dict[str, Cell]:
        return dict(self.__pydantic_extra__)
