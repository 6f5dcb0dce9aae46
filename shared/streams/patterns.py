"""Regular expressions that Python and Java read alike: the gateway and `cauce verify` use one's, Spark the other's.

What is left out either exists in one of them only, or means something else in the other: named groups and flags, `\\Z`,
`\\v`, `\\b`, back references, sets within sets, `&&`, and braces that are no quantifier.

What is wrong with an expression is found here, so that its author reads the same sentence whatever Python's patch
version: Python's own compiler is asked last, and has nothing to add.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_ESCAPE = r"\\(?:[dDwWsStnrf]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^a-zA-Z0-9])"
_IN_SET = rf"(?:{_ESCAPE}|&(?!&)|\|(?!\|)|~(?!~)|-(?!-)|[^\\\[\]&|~-])"
_QUANTIFIER = r"(?:[*+?]|\{[0-9]{1,5}(?:,[0-9]{0,5})?\})[?+]?"
_PART = re.compile(
    rf"""
    (?P<atom>{_ESCAPE} | [^\\\[(\{{)|^$*+?])
    | (?P<set>\[(?!\^\])\^?{_IN_SET}+\])
    | (?P<open>\((?:\?[:=!])?(?!\?))
    | (?P<close>\))
    | (?P<quantifier>{_QUANTIFIER})
    | (?P<edge>[|^$])
    """,
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(_ESCAPE + r"|.", re.DOTALL)
_CLASSES = frozenset(rf"\{letter}" for letter in "dDwWsS")
_LETTERS = {r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\f": "\f"}


def checked(pattern: str) -> str:
    """The pattern itself. Raises ValueError where it is none, or not the same for both."""
    parts = list(_parts(pattern))
    if problem := next(_problems(parts), None):
        raise ValueError(f"is no regular expression: {problem}")
    try:
        compiled(pattern)
    except re.error:
        raise ValueError("is no regular expression") from None
    return pattern


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """For `match`, which then takes a string as a whole or not at all. `pattern` is one that is `checked`.

    No group is captured, and what may not be given back is an atomic group (`(?>(?:…)*)` for `(…)*+`): before 3.11.5
    Python takes the wrong way through a possessive repetition of a group, and up to 3.13.0 it fails where a group is
    captured within.
    """
    written: list[str] = []
    opened: list[int] = []
    last = 0
    for part in _parts(pattern):
        text = part[0]
        match part.lastgroup:
            case "open":
                opened.append(len(written))
                text = "(?:" if text == "(" else text
            case "close":
                last = opened.pop()
            case "quantifier" if len(text) > 1 and text.endswith("+"):
                written.insert(last, "(?>")
                text = f"{text[:-1]})"
            case "quantifier":
                pass
            case _:
                last = len(written)
        written.append(text)
    return re.compile(rf"(?:{''.join(written)})\Z", re.ASCII)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` is what `pattern`, a `checked` one, describes."""
    return compiled(pattern).match(text) is not None


def _parts(pattern: str) -> Iterator[re.Match[str]]:
    """Raises ValueError at what is not the same for both."""
    at = 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            raise ValueError(f"`{pattern[at : at + 12]}` is not the same in Python's and Java's regular expressions")
        yield part
        at = part.end()


def _problems(parts: list[re.Match[str]]) -> Iterator[str]:
    opened: list[int] = []
    before = "edge"
    for part in parts:
        kind, at = part.lastgroup or "", part.start()
        match kind:
            case "open":
                opened.append(at)
            case "close" if not opened:
                yield f"unbalanced parenthesis at position {at}"
            case "close":
                opened.pop()
            case "quantifier":
                yield from _quantifier_problems(part, before)
            case "set":
                yield from _range_problems(part[0], at)
        before = kind
    if opened:
        yield f"missing ), unterminated subpattern at position {opened[-1]}"


def _quantifier_problems(part: re.Match[str], before: str) -> Iterator[str]:
    least, _, most = part[0].strip("{}?+*").partition(",")
    if most and int(most) < int(least):
        yield f"min repeat greater than max repeat at position {part.start() + 1}"
    if before in ("edge", "open"):
        yield f"nothing to repeat at position {part.start()}"
    if before == "quantifier":
        yield f"multiple repeat at position {part.start()}"


def _range_problems(text: str, at: int) -> Iterator[str]:
    first = 2 if text.startswith("[^") else 1
    members = [(found[0], found.start()) for found in _MEMBER.finditer(text, first, len(text) - 1)]
    while len(members) > 2:
        (low, start), (dash, _), (high, _) = members[:3]
        if dash != "-":
            del members[0]
            continue
        if {low, high} & _CLASSES or _character(low) > _character(high):
            yield f"bad character range {low}-{high} at position {at + start}"
        del members[:3]


def _character(member: str) -> str:
    """The one that a set's member stands for."""
    if member in _LETTERS:
        return _LETTERS[member]
    if member.startswith(("\\x", "\\u")):
        return chr(int(member.lstrip("\\xu"), base=16))
    return member[-1]
