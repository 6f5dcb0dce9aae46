"""Scenes that people watch: viewers who go from episode to episode, and characters of unequal popularity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from shared.streams.verdict import Value

VIEWERS = 400
SEASONS, EPISODES, SCENES = 8, 10, 12
NAMES = (
    "Anna", "Bela", "Carlos", "Dora", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jana", "Karim", "Lena", "Milan",
    "Nadia", "Otto", "Petra", "Quentin", "Rosa", "Stefan", "Tania", "Ugo", "Vera", "Walter", "Xenia", "Yara", "Zoran",
)  # fmt: skip


@dataclass
class _Viewer:
    """The scene to come, counted from the first of all."""

    scene: int


class Views:
    """A character's popularity falls with its rank; each season has a ranking of its own."""

    def __init__(self, random: Random) -> None:
        self._random = random
        whole = SEASONS * EPISODES * SCENES
        self._viewers = [_Viewer(int(whole * random.random() ** 2)) for _ in range(VIEWERS)]
        self._casts = [random.sample(NAMES, len(NAMES)) for _ in range(SEASONS)]
        self._shares = [1 / (rank + 1) for rank in range(len(NAMES))]

    def events(self, times: Sequence[int]) -> list[dict[str, Value]]:
        """One per time, in ms since 1970."""
        return [self._event(time) for time in times]

    def _event(self, time: int) -> dict[str, Value]:
        viewer = self._random.choice(self._viewers)
        episode, _ = divmod(viewer.scene, SCENES)
        season, number = divmod(episode, EPISODES)
        viewer.scene = (viewer.scene + 1) % (SEASONS * EPISODES * SCENES)
        return {
            "event_id": f"{self._random.getrandbits(64):016x}",
            "character": self._random.choices(self._casts[season], self._shares)[0],
            "season": season + 1,
            "episode": number + 1,
            "timestamp": time,
        }
