"""What requests may hold in memory together: a request beyond that is told to come again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from shared.errors import CauceError


class Busy(CauceError):
    """As much as may be under way is under way: what it waits for is slow, or the clients are many."""


class Room:
    """How many bytes may be in memory at once, of all requests together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    @contextlib.contextmanager
    def share(self) -> Iterator[Share]:
        """A request's part, given back at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give_back()

    def take(self, size: int) -> None:
        """Raises Busy; whoever comes into an empty room may be of any size."""
        if self._taken and self._taken + size > self._most:
            raise Busy("no room")
        self._taken += size

    def give_back(self, size: int) -> None:
        self._taken -= size


class Share:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    def take(self, size: int) -> None:
        """Raises Busy."""
        self._room.take(size)
        self._taken += size

    def give_back(self) -> None:
        self._room.give_back(self._taken)
        self._taken = 0
