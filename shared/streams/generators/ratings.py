"""Ratings as people give them: tastes that meet what films are like, a few films that everybody sees, half stars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.streams.verdict import Value

USERS, FILMS, RANK = 138_493, 27_278, 20
MEAN = 3.5
"""Of all ratings, in stars."""
USER_SPREAD, FILM_SPREAD, NOISE = 0.35, 0.45, 0.55
TASTE_SPREAD = 0.6
"""What tastes and films together add, in stars; standard deviations all of them."""
FILM_TAIL, USER_TAIL = 1.0, 0.7
"""The exponents of popularity by rank, as in Zipf's law; the first ranks are flattened by the offset."""
OFFSET = 20


class Ratings:
    """A latent-factor model: mean + user's bias + film's bias + tastes · film + noise, on a scale of half stars."""

    def __init__(self, seed: int) -> None:
        self._random = random = np.random.default_rng(seed)
        self._user_bias = random.normal(0, USER_SPREAD, USERS)
        self._film_bias = random.normal(0, FILM_SPREAD, FILMS)
        spread = (TASTE_SPREAD / RANK**0.5) ** 0.5
        self._tastes = random.normal(0, spread, (USERS, RANK))
        self._films = random.normal(0, spread, (FILMS, RANK))
        self._user_shares, self._user_order = _popularity(USERS, USER_TAIL), random.permutation(USERS)
        self._film_shares, self._film_order = _popularity(FILMS, FILM_TAIL), random.permutation(FILMS)
        shown = self._film_bias[self._film_order] @ np.diff(self._film_shares, prepend=0)
        self._mean = MEAN - shown
        """So that the few films that most people rate don't shift the mean."""

    def events(self, times: Sequence[int]) -> list[dict[str, Value]]:
        """One per time, in ms since 1970. The same seed gives the same ratings in the same order."""
        count = len(times)
        users = self._user_order[np.searchsorted(self._user_shares, self._random.random(count))]
        films = self._film_order[np.searchsorted(self._film_shares, self._random.random(count))]
        met = np.einsum("ij,ij->i", self._tastes[users], self._films[films])
        stars = self._mean + self._user_bias[users] + self._film_bias[films] + met
        stars += self._random.normal(0, NOISE, count)
        halves = np.clip(np.round(stars * 2), 1, 10) / 2
        numbers = zip(users.tolist(), films.tolist(), halves.tolist(), times, strict=True)
        return [
            {"userId": user + 1, "movieId": film + 1, "rating": rating, "timestamp": time}
            for user, film, rating, time in numbers
        ]


def _popularity(count: int, exponent: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The summed shares of the ranks, up to 1."""
    weights = 1 / np.arange(1 + OFFSET, count + 1 + OFFSET, dtype=np.float64) ** exponent
    shares = np.cumsum(weights / weights.sum())
    shares[-1] = 1.0
    return shares
