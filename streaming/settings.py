"""What can be set from outside. Every name begins with `CAUCE_`, save the one that other tools share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.settings import CommonSettings

_ZERO = timedelta(0)


class Settings(CommonSettings):
    """Durations are seconds or ISO 8601 (`1`, `PT1S`, `P3D`)."""

    checkpoint_url: str = Field(min_length=1, description="a directory, or a URL of a file system that Spark knows")
    spark_jars: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="the Kafka connector's jars, comma-separated; empty where they lie among Spark's own"
    )
    spark_master: str = "local[2]"

    streaming_trigger: timedelta = Field(default=timedelta(seconds=1), gt=_ZERO, description="between micro-batches")
    streaming_watermark: timedelta = Field(
        default=timedelta(days=3),
        gt=_ZERO,
        description="how long after newer uploads a chunk may still arrive, since an outage may lie between",
    )
    streaming_max_ahead: timedelta = Field(
        default=timedelta(minutes=5), ge=_ZERO, description="how far an upload may lie after its record's own time"
    )
    streaming_max_offsets_per_trigger: int = Field(default=100_000, ge=1, description="bounds a batch when catching up")
    streaming_shuffle_partitions: int = Field(default=2, ge=1)
    streaming_epoch: int = Field(
        default=1, ge=1, description="raise it to count again from what the input still holds; newer epochs' rows win"
    )
    streaming_fail_on_data_loss: bool = Field(
        default=True, description="end when records that were to be read next are gone from the input"
    )
    streaming_stall_limit: timedelta = Field(
        default=timedelta(minutes=3), gt=_ZERO, description="not live after so long without a word from a query"
    )
    streaming_driver_memory: str = Field(default="768m", pattern=r"^\d+[kmg]$", description="Java's heap")
    streaming_java_options: str = Field(
        default="-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        description="for a small, quick start; leave it empty where millions of chunks an hour are normal",
    )

    @field_validator("spark_jars", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
