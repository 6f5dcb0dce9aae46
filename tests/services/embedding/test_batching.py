from __future__ import annotations

from services.embedding.batching import CERTAIN, RequestLimits, TokenEstimate, requests

LIMITS = RequestLimits()


def test_requests_stay_below_the_token_limit() -> None:
    """No part is estimated above what is certain to fit unless it is one text, and nothing is lost or reordered."""
    texts = ["a" * 20_000] * 50
    parts = list(requests(texts, TokenEstimate(), LIMITS))
    assert [place for part in parts for place in part] == list(range(50))
    assert [len(part) for part in parts] == [35, 15]
    assert 35 * TokenEstimate().at_most(texts[0]) <= CERTAIN * LIMITS.tokens


def test_requests_hold_so_many_inputs() -> None:
    """Short texts are limited by their number alone."""
    assert [len(part) for part in requests(["a"] * 4_100, TokenEstimate(), LIMITS)] == [2_048, 2_048, 4]


def test_a_text_that_may_be_too_long_goes_alone() -> None:
    """Before, after and between others, since the server may refuse the request that it is in."""
    long = "a" * 30_000
    parts = [list(part) for part in requests(["a", long, "b", "c", long, long], TokenEstimate(), LIMITS)]
    assert parts == [[0], [1], [2, 3], [4], [5]]


def test_requests_may_be_smaller_than_they_could() -> None:
    """A slow server is asked in small portions, of at least one text."""
    assert [len(part) for part in requests(["abc" * 10] * 6, TokenEstimate(), LIMITS, 25)] == [2, 2, 2]
    assert [len(part) for part in requests(["abc" * 10] * 3, TokenEstimate(), LIMITS, 1)] == [1, 1, 1]
    assert list(requests([], TokenEstimate(), LIMITS)) == []


def test_the_estimate_learns_from_what_the_server_counts() -> None:
    """It comes near to the server's own count; what can't be a count of tokens teaches nothing."""
    estimate = TokenEstimate()
    for _ in range(40):
        estimate.learn(["x" * 900], 180)
    assert 179 <= estimate.of("x" * 900) <= 182
    assert estimate.at_most("x" * 900) == 301
    for nonsense in (0, 1, 10_000):
        estimate.learn(["x" * 900], nonsense)
    assert 179 <= estimate.of("x" * 900) <= 182
