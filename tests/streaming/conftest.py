"""One Spark session for all tests of the streaming application."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from compose.local.errors import LocalStackError
from compose.local.jars import jar_set
from compose.local.progress import PlainFetching
from compose.local.settings import LocalSettings
from shared.errors import Fatal
from streaming.jvm import java_executable
from streaming.session import make_jvm, spark_session
from streaming.settings import Settings

QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A JVM of a minute or two spends more on its second compiler than that gives back."""


def make_settings(**values: object) -> Settings:
    """Settings that ignore the environment for what the tests depend on."""
    chosen = {"kafka_bootstrap_servers": "127.0.0.1:1", "checkpoint_url": "/nowhere", "log_format": "console", **values}
    return Settings.model_validate(chosen)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    try:
        java_executable(os.environ)
    except Fatal as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("spark")
    settings = make_settings(
        checkpoint_url=str(folder / "checkpoints"),
        spark_jars=connector_jars(),
        streaming_java_options=QUICK_JAVA,
    )
    with spark_session(make_jvm(settings, folder)) as session:
        yield session


def connector_jars() -> tuple[Path, ...]:
    """Spark's way to Kafka; none where it can't be fetched, when no test has a Kafka either."""
    try:
        return tuple(jar_set("spark", LocalSettings(), PlainFetching(Console(stderr=True))))
    except LocalStackError:
        return ()
