"""What can go wrong with the local stack, always together with what to do about it."""

from __future__ import annotations

from shared.errors import CauceError


class LocalStackError(CauceError):
    """The fleet cannot be started, reached or stopped.

    The message says what is wrong, `advice` what the person can do, as a command where there is one.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice
