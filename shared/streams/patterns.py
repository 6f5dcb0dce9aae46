"""Regular expressions that Python and Java read alike: the gateway and `cauce verify` use one's, Spark the other's.

What is left out either exists in one of them only, or means something else in the other: named groups and flags, `\\Z`,
`\\v`, `\\b`, back references, sets within sets, `&&`, and braces that are no quantifier.
"""

from __future__ import annotations

import re

_ESCAPE = r"\\(?:[dDwWsStnrf]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^a-zA-Z0-9])"
_IN_SET = rf"(?:{_ESCAPE}|&(?!&)|\|(?!\|)|~(?!~)|-(?!-)|[^\\\[\]&|~-])"
_PART = rf"""
    {_ESCAPE}
    | \[\^?{_IN_SET}+\]
    | \((?:\?[:=!])?(?!\?)
    | \{{[0-9]{{1,5}}(?:,[0-9]{{0,5}})?\}}
    | [^\\\[(\{{]
"""
_SHARED = re.compile(rf"(?:{_PART})*+", re.VERBOSE)


def checked(pattern: str) -> str:
    """The pattern itself. Raises ValueError where it is none, or not the same for both."""
    shared = _SHARED.match(pattern)
    end = shared.end() if shared else 0
    if end < len(pattern):
        raise ValueError(f"`{pattern[end : end + 12]}` is not the same in Python's and Java's regular expressions")
    try:
        re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return pattern
