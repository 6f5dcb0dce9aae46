"""What ingest can be told."""

from __future__ import annotations

from pydantic import Field

from shared.settings import CommonSettings


class IngestSettings(CommonSettings):
    """Sizes in bytes."""

    object_store_url: str = Field(
        default="file:///var/lib/cauce/objects", description="file:///dir or s3://bucket/prefix"
    )
    ingest_concurrency: int = Field(default=8, ge=1, description="documents looked at at once")
