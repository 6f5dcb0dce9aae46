"""Characters from bytes in an unknown charset."""

from __future__ import annotations

import pytest

from services.docproc.parsing.charset import decode

GERMAN = "Die schöne Frau hat Kaffee mit Kuchen gegessen und lächelte dabei."
RUSSIAN = "Привет, как дела? Сегодня хорошая погода, и мы идём гулять в парк."
JAPANESE = "こんにちは世界。今日は天気がとても良いので、公園に行きます。"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        *((GERMAN, name) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252")),
        *((GERMAN, name) for name in ("iso8859-15", "cp850", "mac_roman")),
        ("L'été était très chaud cette année, où ça ?", "cp1252"),
        ("El niño comió paella con ñoquis.", "latin-1"),
        ("Wczoraj byłem w mieście i kupiłem świeży chleb oraz masło.", "cp1250"),
        ("Bugün hava çok güzel, güneş parlıyor ve çocuklar şarkı söylüyor.", "cp1254"),
        *((RUSSIAN, name) for name in ("cp1251", "koi8_r", "iso8859-5", "cp866")),
        ("Καλημέρα σας, σήμερα ο καιρός είναι πολύ ωραίος.", "iso8859-7"),
        ("שלום עולם, היום מזג האוויר נעים מאוד.", "cp1255"),
        *((JAPANESE, name) for name in ("shift_jis", "euc_jp", "iso2022_jp")),
        ("你好世界。今天天气很好，我们去公园散步。", "gb18030"),
        ("안녕하세요 세계. 오늘 날씨가 매우 좋아서 공원에 갑니다.", "euc_kr"),
    ],
)
def test_a_sentence_is_read_whatever_its_charset(text: str, charset: str) -> None:
    """One sentence is enough to tell the charset."""
    assert decode(text.encode(charset)) == text


@pytest.mark.parametrize("text", ["können", "## können\n\nkönnen\n\näöüß\n", "Señor", "naïve café"])
def test_a_few_letters_are_enough_in_western_languages(text: str) -> None:
    """A handful of bytes with accents is read as a western charset."""
    assert decode(text.encode("latin-1")) == text


def test_what_is_declared_counts_where_the_bytes_allow_it() -> None:
    """The declared charset wins over a guess, and loses to bytes that are UTF-8."""
    assert decode("Größe".encode("cp850"), "cp850") == "Größe"
    assert decode("Größe".encode(), "cp850") == "Größe"


@pytest.mark.parametrize("declared", ["no-such-charset", "base64", "utf-8", "", None, "x\0y"])
def test_a_nonsensical_declaration_does_no_harm(declared: str | None) -> None:
    """An unknown charset, or one that isn't for text, is passed over."""
    assert decode("schöne Größe".encode("cp1252"), declared) == "schöne Größe"


def test_one_broken_byte_does_not_spoil_utf8() -> None:
    """A text in UTF-8 with a broken byte loses that byte and nothing else."""
    assert decode("é".encode() * 50 + b"\xff" + "ü".encode() * 50) == "é" * 50 + "\ufffd" + "ü" * 50
