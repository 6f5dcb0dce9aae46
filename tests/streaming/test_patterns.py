from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as fn

from shared.streams.patterns import checked, matches

SHARED = (
    r"[A-Z]{2}-\d{4,}",
    r"(?:a|b)+c?",
    r"(north|south)_[a-z0-9.-]{1,20}",
    r"\w+@\w+\.[a-z]{2,}",
    r"(?=.*\d)(?!x)\S{3,}",
    r"[^\s,;|&]+",
    r"\x41\u0042|\[x\]|a\-b|}",
    r"[\w.+-]*[!-/]",
    r".é?.*",
    r"a$|^b",
    r"a*+b",
    r"(?:a(?!b)|b)*+c?",
    r"((a)|b|c)++",
    r"(?:\w\W?){1,3}+[a-z]?",
)
WORDS = (
    *("AB-1234", "AB-123", "abc", "bc", "ccc", "north_a.b-1", "a@b.de", "é@b.de", "a1b", "x1b", "a,b", "ab", "AB"),
    *("[x]", "a-b", "}", "a.b!", "éé", "a", "b", "b\n", "\n", "", "٣", "AB-٣٣٣٣", "😀", "aaab", "a b", "\u2003"),
)


def test_both_agree(spark: SparkSession) -> None:
    """What is let through matches the same strings in Python and in Spark, from their beginning to their end."""
    words = spark.createDataFrame([(word,) for word in WORDS], "word string").coalesce(1)
    rules = [fn.col("word").rlike(rf"(?d)\A(?:{checked(pattern)})\z").alias(str(n)) for n, pattern in enumerate(SHARED)]
    found = [tuple(row) for row in words.select("word", *rules).collect()]
    assert found == [(word, *(matches(one, word) for one in SHARED)) for word in WORDS]
