"""What db_writer can be told."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shared.settings import CommonSettings


class DbWriterSettings(CommonSettings):
    """The addresses are secrets, since they hold passwords. Times in seconds."""

    mongodb_url: SecretStr = Field(default=SecretStr("mongodb://localhost:27017"), description="mongodb://…")
    mongodb_database: str = "cauce"
    mysql_url: SecretStr = Field(
        default=SecretStr("mysql://cauce:cauce@localhost:3306/cauce"), description="mysql://user:password@host:port/db"
    )
    write_batch_records: int = Field(default=500, ge=1, description="records written at once")
    metrics_batch_records: int = Field(
        default=2_000, ge=1, description="updates of window rows that are folded by key and written at once"
    )
    metrics_concurrency: int = Field(
        default=2,
        ge=1,
        description="batches of window rows at once: fewer fold more rows into one, more hide a slow disk",
    )
    write_concurrency: int = Field(default=3, ge=1, description="batches of anything else at once, per topic group")
    init_patience_seconds: float = Field(default=60.0, ge=0, description="how long `--init` waits for a store")
