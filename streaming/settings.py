"""What can be set from outside. Every name begins with `CAUCE_`, save the one that other tools share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

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
    spark_master: str = Field(
        default="local",
        pattern=r"^(local(\[\d+\])?|spark://.+|yarn|k8s://.+)$",
        description="`local` takes as many task slots as the declared streams need",
    )

    streaming_realtime_duration: timedelta = Field(
        default=timedelta(minutes=5),
        ge=timedelta(seconds=5),
        description="between two checkpoints of a query in Real-Time Mode: what a crash repeats, not the latency",
    )
    streaming_catch_up_records: int = Field(
        default=100_000, ge=1, description="a query that is further behind catches up in one micro-batch first"
    )
    streaming_shuffle_partitions: int = Field(default=2, ge=1, description="of every query's state")
    streaming_fail_on_data_loss: bool = Field(
        default=True, description="end when records that were to be read next are gone from the input"
    )
    streaming_stall_limit: timedelta = Field(
        default=timedelta(minutes=3), gt=_ZERO, description="not live after so long without a word from a query"
    )
    streaming_driver_memory: str = Field(default="768m", pattern=r"^\d+[kmg]$", description="Java's heap")
    streaming_java_options: str = Field(
        default="-XX:+UseSerialGC",
        description="for a small heap; with gigabytes of it another collector pauses less",
    )

    spark_class_archive: Path | None = Field(
        default=None,
        description="Spark's classes as an earlier JVM had them in memory, which makes a start shorter; where it "
        "doesn't fit this JVM and these jars it is left aside; made by `python -m streaming.training FILE`",
    )
    streaming_start_after: Path | None = Field(
        default=None, description="the queries begin once this file is there; Spark itself starts before"
    )

    spark_options: dict[str, str] = Field(
        default={},
        description=(
            "more of Spark's own configuration, as a JSON object; other processes of the machine can read it, "
            "so keep secrets out"
        ),
    )

    archive_url: str = Field(
        default="", description="where raw records are kept as files: a directory or a URL; empty: nowhere"
    )
    archive_format: Literal["parquet", "json"] = Field(
        default="parquet", description="of the pipeline's topics; a declared stream names its own:"
    )
    archive_trigger: timedelta = Field(
        default=timedelta(minutes=5), gt=_ZERO, description="between two batches of files of a topic"
    )
    archive_batch_records: int = Field(
        default=2_000_000, ge=1, description="bounds a batch of files of a topic when catching up"
    )

    @field_validator("spark_jars", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
