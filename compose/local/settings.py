"""Where the local stack keeps what it fetches and what it remembers."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]


class LocalSettings(BaseSettings):
    """`state_dir` holds one fleet: ports, data, logs, state. `cache_dir` holds fetched servers, for every fleet."""

    model_config = SettingsConfigDict(env_prefix="CAUCE_", frozen=True)

    state_dir: Path = Path(".cauce")
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path("cauce"))
    class_archives: bool = True
    """Whether Kafka's and Spark's classes are archived for shorter starts: a minute or two once, and 240 MB."""
    maven_repository: str | None = None
    """A mirror of Maven Central to fetch jars from, where the real one cannot be reached."""

    @property
    def layout(self) -> Layout:
        return Layout(self.state_dir.absolute())


class Layout:
    """The names inside a state folder; nothing else spells them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state.json"
        self.remembered = root / "remembered.json"
        self.api_key = root / "api_key"
        self.lock = root / "lock"
        self.logs = root / "logs"
        self.objects = root / "objects"
        self.vectors = root / "vectors"
        self.checkpoints = root / "checkpoints"
        self.archive = root / "archive"
        self.applied = root / "applied"
        """Is there once topics and tables are as declared, of this run of the fleet."""

    def data(self, server: str) -> Path:
        return self.root / "data" / server

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def create(self) -> None:
        """Make the folders that every fleet needs; readable by this user alone, since they hold keys and data."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / ".gitignore").write_text("*\n")
        for folder in (self.logs, self.objects, self.vectors, self.checkpoints, self.archive, self.root / "data"):
            folder.mkdir(exist_ok=True)
