"""From bytes of text in an unknown charset to characters."""

from __future__ import annotations

import codecs
import re

import chardet

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LATIN = ("windows-1252", "windows-1250", "iso8859-2", "windows-1254", "macroman", "cp850")
_OTHER = (
    *("windows-1251", "koi8-r", "iso8859-5", "cp866", "windows-1253", "iso8859-7", "windows-1255", "windows-1256"),
    *("cp932", "shift_jis", "euc-jp", "gb18030", "big5", "cp949", "euc-kr"),
)
_EASTERN = frozenset({"cp1250", "iso8859-2", "cp1254"})
_ALIASES = {"latin-1": "cp1252", "iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "shift_jis": "cp932"}
"""As browsers do it: the larger set under the name of the smaller."""
_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
"""Codecs of Python's that no document is written in; some of them take quadratic time, or fail in ways of their own."""
_LONGEST_NAME = 40
_ISO_2022 = re.compile(rb"\x1b(?:\$[@AB(]|\([BIJ])")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_SAMPLE = 100_000


def decode(data: bytes, declared: str | None = None) -> str:
    """The text, never failing: bytes that fit no charset become U+FFFD.

    A byte order mark wins, then UTF-8 where the bytes are valid, then the `declared` charset, then a guess.
    """
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data.decode(name, errors="replace")
    if told := _utf16(data) or _iso_2022(data):
        return data.decode(told, errors="replace")
    for candidate in ("utf-8", _known(declared)):
        try:
            return data.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
    if _nearly_utf8(data):
        return data.decode("utf-8", errors="replace")
    return data.decode(_guess(data), errors="replace")


def _utf16(data: bytes) -> str | None:
    """UTF-16 without its mark: half the bytes are zero, all on one side."""
    sample = data[: _SAMPLE & ~1]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * 5 < len(sample) * 2 or not sample:
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _iso_2022(data: bytes) -> str | None:
    return "iso2022_jp_2" if _ISO_2022.search(data[:_SAMPLE]) else None


def _known(name: str | None) -> str:
    """Python's name of the codec; `ascii`, which can't succeed after UTF-8 failed, where there is none."""
    try:
        found = codecs.lookup((name or "").strip().strip("\"'")[:_LONGEST_NAME])
    except (LookupError, ValueError):
        return "ascii"
    return "ascii" if found.name.startswith("utf") or found.name in _NO_CHARSETS else _alias(found.name)


def _nearly_utf8(data: bytes) -> bool:
    """A few broken bytes in what is UTF-8 otherwise."""
    text = data[:_SAMPLE].decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) - broken > 9 * broken


def _guess(data: bytes) -> str:
    """Telling the Latin script from the others first spares half the errors of guessing among all charsets."""
    sample = data[:_SAMPLE]
    latin = _looks_latin(sample)
    found = chardet.detect_all(sample, include_encodings=_LATIN if latin else _OTHER, ignore_threshold=True)
    scores = {_alias(each["encoding"]): each["confidence"] for each in reversed(found) if each["encoding"]}
    best = max(scores, key=scores.__getitem__, default="cp1252")
    if best in _EASTERN and scores[best] < 1.5 * scores.get("cp1252", 0):
        return "cp1252"  # a few accents alone don't tell, and the western languages are more frequent
    return best


def _alias(name: str) -> str:
    codec = codecs.lookup(name).name
    return _ALIASES.get(codec, codec)


def _looks_latin(sample: bytes) -> bool:
    """In Latin script accented letters stand alone among ASCII; elsewhere most letters lie above ASCII, in a row."""
    runs = _HIGH_RUN.findall(sample)
    high = sum(map(len, runs))
    letters = high + len(_ASCII_LETTER.findall(sample))
    return high * 5 < letters * 3 and (high * 5 < letters or high < 2.5 * len(runs))
