from __future__ import annotations

import re

import pytest

from shared.streams.patterns import checked


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        (r"(?P<name>a)", "(?P<name>a)"),
        (r"a(?i:b)", "(?i:b)"),
        (r"(?#comment)a", "(?#comment)a"),
        (r"(?<=a)b", "(?<=a)b"),
        (r"a\Z", r"\Z"),
        (r"a\b", r"\b"),
        (r"\v", r"\v"),
        (r"(a)\1", r"\1"),
        (r"a{,3}", "{,3}"),
        (r"a{b}", "{b}"),
        (r"[a[b]", "[a[b]"),
        (r"[]a]", "[]a]"),
        (r"[a-z&&b]", "[a-z&&b]"),
    ],
)
def test_what_is_not_shared_is_refused(pattern: str, place: str) -> None:
    """With the place where it begins, before any query has failed of it."""
    with pytest.raises(ValueError, match=re.escape(f"`{place[:12]}` is not the same")):
        checked(pattern)


def test_what_is_no_pattern_is_refused() -> None:
    """With the reason."""
    with pytest.raises(ValueError, match="is no regular expression: missing"):
        checked("(")
