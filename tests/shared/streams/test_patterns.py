from __future__ import annotations

import re

import pytest

from shared.streams.patterns import checked, matches


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


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(b(c)", "missing ), unterminated subpattern at position 1"),
        ("a)b", "unbalanced parenthesis at position 1"),
        ("*a", "nothing to repeat at position 0"),
        ("(|+)", "nothing to repeat at position 2"),
        ("^{2}", "nothing to repeat at position 1"),
        ("a{2}{3}", "multiple repeat at position 4"),
        ("a???", "multiple repeat at position 3"),
        ("ba{3,2}", "min repeat greater than max repeat at position 3"),
        ("[az-b]", "bad character range z-b at position 2"),
        (r"[^\d-z]", r"bad character range \d-z at position 2"),
        (r"[\x7a-a]", r"bad character range \x7a-a at position 1"),
        (r"[a-\t]", r"bad character range a-\t at position 1"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, reason: str) -> None:
    """With the reason and the place, in the same words whatever Python reads it."""
    with pytest.raises(ValueError, match=re.escape(f"is no regular expression: {reason}") + "$"):
        checked(pattern)
    with pytest.raises(re.error):
        re.compile(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        (r"(?:a(?!b)|c)*+.*", "acab", True),
        (r"(?:a(?!b)|c)*+", "acab", False),
        (r"(?:\w{2}){1,3}+", "abcde", False),
        (r"((x)|y|z)*+", "xyz", True),
        (r"(?![a-c])*+", "a", False),
        (r"(a(b)?+){2}+c", "abac", True),
        (r"((a|b)++c)?+", "abcab", False),
        (r"a*+b", "aab", True),
        (r"[a-c]{1,2}+c", "ac", False),
        (r"a|ab", "ab", True),
        (r"a", "a\n", False),
        (r"\d", "٣", False),
    ],
)
def test_the_whole_text_is_matched(pattern: str, text: str, fits: bool) -> None:
    """Also by what repeats a group and gives nothing back: Python's own reading of that is wrong before 3.11.5, and up
    to 3.13.0 ends with a SystemError where there is a group within."""
    assert matches(checked(pattern), text) is fits
