"""What the gateway asks of the store of clean readings; `mongo.py` is the real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class ReadingsStore(Protocol):
    """Reads only. Raises Transient where the store does not answer within seconds."""

    async def readings(self, collection: str, where: Mapping[str, Any], limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest by event time; `where` gives values of fields."""
