"""What a fleet keeps from one start to the next: ports, database password, Kafka cluster id, API key."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import tempfile
import uuid
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from compose.local.errors import LocalStackError


def _cluster_id() -> str:
    """16 random bytes in base64, the first below 128: an id that begins with `-` would look like an option."""
    first, *others = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *others])).decode().rstrip("=")


class Remembered(BaseModel):
    ports: dict[str, int] = {}
    mysql_password: str = Field(default_factory=lambda: secrets.token_urlsafe(18))
    kafka_cluster_id: str = Field(default_factory=_cluster_id)

    @classmethod
    def load(cls, path: Path) -> Remembered:
        """What `path` holds, or fresh values where there is no such file. Raises LocalStackError where it is broken."""
        if not path.exists():
            return cls()
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise LocalStackError(
                f"`{path}` cannot be read: {error.errors()[0]['msg']}",
                advice="start anew, without the data: cauce down --wipe",
            ) from error

    def save(self, path: Path) -> None:
        write_private(path, self.model_dump_json(indent=2))


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader sees the old or the new; for this user's eyes alone (0600)."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def development_key(path: Path) -> str:
    """The API key of this fleet, made at random the first time."""
    if not path.exists():
        write_private(path, f"dev_{secrets.token_urlsafe(24)}\n")
    return path.read_text().strip()


def key_digest(key: str) -> str:
    """The form in which the gateway knows a key: it never sees the keys themselves in its settings."""
    return hashlib.sha256(key.encode()).hexdigest()
